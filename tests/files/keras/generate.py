"""Writes the fixtures beside it: files as Keras 3 writes them, whose contents `tests/files/keras.rs` tells.

    pip install keras tensorflow && python tests/files/keras/generate.py
"""

import io
import os
import zipfile
from pathlib import Path

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import h5py
import keras
import numpy as np

HERE = Path(__file__).parent


def numbered(model):
    """Gives every weight the numbers 0, 1/4, 2/4 and so on."""
    for weight in model.weights:
        weight.assign(np.arange(np.prod(weight.shape)).reshape(weight.shape) / 4)


def layered():
    return keras.Sequential([
        keras.Input((2,)),
        keras.layers.Dense(3, name="hidden"),
        keras.layers.BatchNormalization(),
        keras.layers.Dense(1, name="out"),
    ])


model = layered()
numbered(model)
model.save_weights(HERE / "model.weights.h5")
model.save(HERE / "model.keras")

narrow = keras.Sequential([
    keras.Input((2,)),
    keras.layers.Dense(2, dtype="bfloat16"),
    keras.layers.Dense(2, dtype="float16"),
    keras.layers.Dropout(0.5, seed=1),
])
for weight in narrow.weights:
    if "seed" not in weight.name:
        weight.assign(np.arange(np.prod(weight.shape)).reshape(weight.shape) / 4)
narrow.save_weights(HERE / "narrow.weights.h5")

with h5py.File(HERE / "other.weights.h5", "w") as file:
    file["layers/all/vars/0"] = np.arange(6, dtype=">f8").reshape(2, 3)
    file["layers/all/vars/1"] = np.array([True, False])
    file["layers/all/vars/2"] = np.array([2**63], dtype=np.uint64)
    file["layers/all/vars/3"] = "text"
    packed = np.arange(2000, dtype=np.int16).reshape(40, 50)
    file.create_dataset("layers/all/vars/4", data=packed, chunks=(16, 16), compression="gzip", shuffle=True)
    file["layers/back"] = h5py.SoftLink("/layers/all/vars/0")

# Groups within groups, the names of which together take the square of their number.
deep = io.BytesIO()
with h5py.File(deep, "w") as file:
    group = file
    for _ in range(60):
        group = group.create_group("n" * 1000)
with zipfile.ZipFile(HERE / "deep.keras", "w", zipfile.ZIP_DEFLATED) as archive:
    archive.writestr("model.weights.h5", deep.getvalue())
