"""Writes the models that tests/interop/saved_model.rs imports, and what TensorFlow computes of them.

Made with Python 3.11, TensorFlow 2.21.0, Keras 3.15: python tests/interop/generate_saved_model.py

Every file is packed by gzip. `expected.json` has for each model and signature what is fed and what comes out, in the
order of calls, for some models change their variables.
"""

import gzip
import json
import os
import pathlib
import shutil
import sys
import tempfile

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = ""
os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"

import numpy as np
import tensorflow as tf

tf1 = tf.compat.v1
HERE = pathlib.Path(__file__).parent / "saved_model"
TYPES = {"float32": "f32", "float64": "f64", "int32": "i32", "int64": "i64", "bool": "bool"}
MODELS = []


def plain(array):
    """An array as tests/common/stored.rs reads it."""
    array = np.asarray(array)
    data = " ".join(str(x) for x in array.reshape(-1))
    return {"dtype": TYPES[array.dtype.name], "shape": list(array.shape), "data": data}


def keep(name, folder):
    """Packs all files of a folder; devices are of no use, and fingerprints are not read."""
    for path in sorted(pathlib.Path(folder).rglob("*")):
        if path.is_file() and path.name != "fingerprint.pb":
            to = HERE / name / (str(path.relative_to(folder)) + ".gz")
            to.parent.mkdir(parents=True, exist_ok=True)
            to.write_bytes(gzip.compress(path.read_bytes(), mtime=0))


def called(folder, calls, tags=None):
    """What signatures give, one call behind the other."""
    loaded = tf.saved_model.load(folder, tags=tags)
    all = []
    for signature, feeds in calls:
        found = loaded.signatures[signature](**{name: tf.constant(value) for name, value in feeds.items()})
        outputs = {name: plain(value) for name, value in found.items() if value.dtype != tf.string}
        all.append({"signature": signature, "feeds": {name: plain(value) for name, value in feeds.items()}, "outputs": outputs})
    return all


def of_one(folder):
    """A graph of TensorFlow 1 with variables of both kinds, one of them partitioned, what trains it, and two graphs."""
    random = np.random.RandomState(1)
    x_value, labels_value = random.uniform(-1, 1, [8, 4]).astype(np.float32), random.randint(0, 3, 8)
    with tf.Graph().as_default(), tf1.Session() as session:
        tf1.set_random_seed(1)
        x = tf1.placeholder(tf.float32, [None, 4], "x")
        labels = tf1.placeholder(tf.int64, [None], "labels")
        with tf1.variable_scope("first"):
            w = tf1.get_variable("w", [4, 5], partitioner=tf1.fixed_size_partitioner(2), use_resource=False)
            b = tf1.get_variable("b", [5], initializer=tf1.random_normal_initializer(stddev=0.5), use_resource=True)
            h = tf.tanh(tf.matmul(x, w) + b)
        v = tf1.get_variable("v", [5, 3], use_resource=True)
        logits = tf.matmul(h, v, name="logits")
        classes = tf.argmax(logits, 1)
        words = tf.constant(["a", "b", "c"])
        loss = tf.reduce_mean(tf1.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits), name="loss")
        step = tf1.train.get_or_create_global_step()
        train = tf1.train.AdamOptimizer(0.05).minimize(loss, step, name="train")
        session.run(tf1.global_variables_initializer())
        feeds = {x: x_value, labels: labels_value}
        for _ in range(3):
            session.run(train, feeds)
        info = tf1.saved_model.build_tensor_info
        predict = tf1.saved_model.build_signature_def({"features": info(x)}, {"logits": info(logits), "classes": info(classes), "words": info(tf.gather(words, classes))}, "tensorflow/serving/predict")
        evaluate = tf1.saved_model.build_signature_def({"x": info(x), "labels": info(labels)}, {"loss": info(loss)}, "tensorflow/serving/evaluate")
        builder = tf1.saved_model.Builder(folder)
        tf1.add_to_collection(tf1.GraphKeys.TRAIN_OP, train)
        builder.add_meta_graph_and_variables(session, ["serve"], {"serving_default": predict, "evaluate": evaluate})
        builder.add_meta_graph(["train", "gpu"], {"evaluate": evaluate})
        builder.save()
        checkpoint = HERE / "checkpoint"
        checkpoint.mkdir()
        tf1.train.Saver().save(session, str(checkpoint / "model.ckpt"), global_step=step, write_state=False)
        first = session.run(v)
        losses = []
        for _ in range(20):
            losses.append(session.run(loss, feeds))
            session.run(train, feeds)
        after = {"v": plain(session.run(v)), "global_step": plain(session.run(step)), "v/Adam": plain(session.run(next(slot for slot in tf1.global_variables() if slot.op.name == "v/Adam")))}
    for path in checkpoint.iterdir():
        (HERE / "checkpoint" / (path.name + ".gz")).write_bytes(gzip.compress(path.read_bytes(), mtime=0))
        path.unlink()
    calls = called(folder, [("serving_default", {"features": x_value}), ("evaluate", {"x": x_value, "labels": labels_value})], ["serve"])
    training = {"feeds": {"x": plain(x_value), "labels": plain(labels_value)}, "losses": plain(np.array(losses)), "after": after, "v": plain(first)}
    MODELS.append({"name": "of_one", "calls": calls, "train": training})


class Inner(tf.Module):
    def __init__(self):
        self.w = tf.Variable(np.random.RandomState(2).uniform(-1, 1, [3, 3]), name="w")
        self.steps = tf.Variable(0, dtype=tf.int64, trainable=False)


class Outer(tf.Module):
    """Nested modules, a loop and a condition, a variable that a call changes, two names alike, an asset."""

    def __init__(self, asset):
        self.inner = [Inner(), Inner()]
        self.scale = tf.Variable(2.0, dtype=tf.float64, name="w")
        self.asset = tf.saved_model.Asset(asset)

    @tf.function(input_signature=[tf.TensorSpec([None, 3], tf.float64, "x")])
    def predict(self, x):
        h = x
        for i in tf.range(3):
            h = tf.tanh(h @ self.inner[0].w)
            if tf.reduce_sum(h) < 0.0:
                h += x
        return {"h": h @ self.inner[1].w * self.scale, "rows": tf.shape(x)[0]}

    @tf.function(input_signature=[tf.TensorSpec([], tf.float64, "by")])
    def count(self, by):
        self.scale.assign_add(by)
        self.inner[1].steps.assign_add(1)
        return {"scale": self.scale.read_value(), "steps": self.inner[1].steps.read_value()}


def of_two(folder):
    asset = pathlib.Path(folder).parent / "words.txt"
    asset.write_text("one\ntwo\n")
    module = Outer(str(asset))
    tf.saved_model.save(module, folder, signatures={"serving_default": module.predict, "count": module.count})
    x = np.random.RandomState(3).uniform(-1, 1, [4, 3])
    calls = [("serving_default", {"x": x}), ("count", {"by": np.float64(0.5)}), ("count", {"by": np.float64(1.0)}), ("serving_default", {"x": x[:2]})]
    MODELS.append({"name": "of_two", "calls": called(folder, calls)})


def of_keras(folder):
    layers = tf.keras.layers
    tf.keras.utils.set_random_seed(1)
    model = tf.keras.Sequential([
        tf.keras.Input([8, 8, 1], name="image"),
        layers.Conv2D(4, 3, padding="same", activation="relu"),
        layers.BatchNormalization(),
        layers.MaxPooling2D(),
        layers.DepthwiseConv2D(3),
        layers.Flatten(),
        layers.Dropout(0.5),
        layers.Dense(8, activation="gelu"),
        layers.LayerNormalization(),
        layers.Dense(3, activation="softmax"),
    ])
    x = np.random.RandomState(4).uniform(-1, 1, [5, 8, 8, 1]).astype(np.float32)
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.fit(x, np.array([0, 1, 2, 1, 0]), epochs=2, verbose=0)
    model.export(folder, verbose=False)
    MODELS.append({"name": "of_keras", "calls": called(folder, [("serving_default", {"image": x})])})


def of_recurrent(folder):
    layers = tf.keras.layers
    tf.keras.utils.set_random_seed(2)
    tokens = tf.keras.Input([6], dtype="int32", name="tokens")
    h = layers.Embedding(10, 4)(tokens)
    h = layers.LSTM(5, return_sequences=True)(h)
    h = layers.GRU(4)(h)
    model = tf.keras.Model(tokens, layers.Dense(2)(h))
    x = np.random.RandomState(5).randint(0, 10, [3, 6]).astype(np.int32)
    model.export(folder, verbose=False)
    MODELS.append({"name": "of_recurrent", "calls": called(folder, [("serving_default", {"tokens": x})])})


HERE.mkdir(exist_ok=True)
for old in HERE.iterdir():
    if old.is_dir():
        shutil.rmtree(old)
for write in (of_one, of_two, of_keras, of_recurrent):
    with tempfile.TemporaryDirectory() as folder:
        write(folder + "/model")
        keep(write.__name__, folder + "/model")
(HERE / "expected.json.gz").write_bytes(gzip.compress(json.dumps(MODELS, sort_keys=True).encode(), mtime=0))
sizes = {str(path.relative_to(HERE)): path.stat().st_size for path in sorted(HERE.rglob("*")) if path.is_file()}
print(sum(sizes.values()), sizes)
sys.stdout.flush()
