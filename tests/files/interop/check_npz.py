"""NumPy reads an npz file, and writes the same arrays in each of its ways."""

import sys

import numpy as np

import expected


def main(ours, description, plain, compressed, by_columns, big_endian):
    arrays = dict(np.load(ours))
    expected.same_arrays(arrays, expected.load(description))
    np.savez(plain, **arrays)
    np.savez_compressed(compressed, **arrays)
    np.savez(by_columns, **{name: np.array(array, order="F") for name, array in arrays.items()})
    swapped = {name: array.astype(array.dtype.newbyteorder(">")) for name, array in arrays.items()}
    np.savez(big_endian, **swapped)
    print(f"NumPy {np.__version__} reads {len(arrays)} arrays")


main(*sys.argv[1:])
