"""Writes the fixtures beside it: files as NumPy and others write them, whose contents `tests/files/npz.rs` tells.

    pip install numpy && python tests/files/npz/generate.py

`numpy_savez.npz` and `numpy_savez_compressed.npz` are of an earlier day, and are not written again.
"""

import io
import zipfile
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent


def member(array, version=None):
    """An npy file of an array."""
    file = io.BytesIO()
    np.lib.format.write_array(file, array, version=version)
    return file.getvalue()


def old(descriptor, shape, array):
    """An npy file as old programs wrote it: any header, and elements of an array."""
    header = f"{{'descr': '{descriptor}', 'fortran_order': False, 'shape': {shape}, }}"
    header += " " * (-(10 + len(header) + 1) % 16) + "\n"
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode() + array.tobytes()


def archive(name, members):
    """A zip archive of files as they are, with the date of none."""
    with zipfile.ZipFile(HERE / name, "w") as file:
        for name, contents in members.items():
            file.writestr(zipfile.ZipInfo(name), contents)


def main():
    # What a data set may hold beside two arrays that can be read.
    mixed = {
        "x": np.arange(6, dtype="u1").reshape(2, 3) * 51,
        "y": np.array([1, 0], "i8"),
        "half": np.array([[1.5, -0.0, 65504.0], [np.inf, np.nan, 2.0**-24]], "f2"),
        "wide": np.array([0, 65535], ">u2"),
        "large": np.array([0, 2**63 - 1], "u8"),
        "larger": np.array([2**63], "u8"),
        "text": np.array(["setosa", "virginica"]),
        "object": np.array([{"a": 1}, None], object),
        "record": np.array([(1, 2.0)], [("id", "i4"), ("value", "f8")]),
        "complex": np.array([1 + 2j]),
        "time": np.array(["2026-01-01"], "M8[D]"),
        "scalar": np.float16(0.5),
        "nothing": np.zeros((0, 2), "f2"),
    }
    members = {f"{name}.npy": member(np.asarray(array)) for name, array in mixed.items()}
    members["later.npy"] = member(np.array([7.0], "f4"), version=(3, 0))
    members["README"] = b"x are pixels, y are labels\n"
    members["folder/"] = b""
    members["unnamed"] = member(np.array([8, 9], "i4"))
    members["__MACOSX/._x.npy"] = b"\x00\x05\x16\x07\x00\x02\x00\x00Mac OS X        "
    archive("mixed.npz", members)
    bytes_of = np.array([0, 1], "u1")
    archive(
        "old.npz",
        {
            "long.npy": old("<f4", "(2L, 3L)", np.arange(6, dtype="<f4")),
            "one_long.npy": old(">i2", "(2L,)", np.array([-1, 1], ">i2")),
            "bytes.npy": old("<u1", "(2,)", bytes_of),
            "signed.npy": old("<i1", "(2,)", -bytes_of.astype("i1")),
            "truth.npy": old("<b1", "(2,)", bytes_of),
        },
    )
    # As an archive of more than 4 GiB would be written.
    with zipfile.ZipFile(HERE / "zip64.npz", "w") as file:
        with file.open(zipfile.ZipInfo("x.npy"), "w", force_zip64=True) as entry:
            entry.write(member(np.array([1.0, 2.0])))


main()
