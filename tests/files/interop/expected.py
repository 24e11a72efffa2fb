"""What the tests say their files hold, as NumPy has it."""

import json
import sys

import numpy as np


def load(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def same(what, found, expected):
    if found != expected:
        sys.exit(f"{what}: expected {expected!r}, found {found!r}")


def array(description):
    """The array that a test describes by type, shape and bytes."""
    elements = np.frombuffer(bytes(description["bytes"]), dtype=description["dtype"])
    return elements.reshape(description["shape"])


def same_arrays(found, descriptions):
    """Names, types, shapes and all bits."""
    same("names", sorted(found), sorted(descriptions))
    for name, description in descriptions.items():
        expected = array(description)
        same(f"type of {name}", found[name].dtype, expected.dtype)
        same(f"shape of {name}", found[name].shape, expected.shape)
        same(f"elements of {name}", found[name].tobytes(), expected.tobytes())
