"""The safetensors package reads a checkpoint or another file of ours, and writes a copy with what it read."""

import sys

import safetensors
from safetensors.numpy import save_file

import expected


def main(ours, description, copy):
    description = expected.load(description)
    with safetensors.safe_open(ours, framework="numpy") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}
        metadata = file.metadata()
    expected.same_arrays(tensors, description["tensors"])
    # The checksum depends on all else; that it is right shows when the copy is read.
    checksum = {key: metadata.pop(key) for key in ["flowgrad.crc32c"] if key in metadata}
    expected.same("metadata", metadata, description["metadata"])
    save_file(tensors, copy, {**metadata, **checksum})
    print(f"safetensors {safetensors.__version__} reads {len(tensors)} tensors")


main(*sys.argv[1:])
