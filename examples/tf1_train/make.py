"""A graph of TensorFlow 1 that tells digits apart, and a checkpoint of the start of its training.

    python examples/tf1_train/make.py

Made with TensorFlow 2.21. Writes `digits.meta`, what `Saver.export_meta_graph` writes, and `digits.index` with
`digits.data-00000-of-00001`, what `Saver.save` writes after an epoch of training. main.rs goes on from there.
With a prefix, tells how many of the digits a checkpoint gets right: python examples/tf1_train/make.py PREFIX.
"""

import gzip
import os
import pathlib
import sys

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import numpy as np
import tensorflow as tf

tf1 = tf.compat.v1
tf1.disable_v2_behavior()
HERE = pathlib.Path(__file__).parent
ROWS = np.loadtxt(gzip.open(HERE.parent / "data" / "digits.csv.gz"), delimiter=",")
PIXELS, LABELS = (ROWS[:, :-1] / 16).astype(np.float32), ROWS[:, -1].astype(np.int64)

tf1.set_random_seed(1)
image = tf1.placeholder(tf.float32, [None, 64], "image")
label = tf1.placeholder(tf.int64, [None], "label")


def dense(name, x, units):
    with tf1.variable_scope(name):
        kernel = tf1.get_variable("kernel", [x.shape[1], units])
        bias = tf1.get_variable("bias", [units], initializer=tf1.zeros_initializer())
        return tf.matmul(x, kernel) + bias


logits = dense("output", tf.nn.relu(dense("hidden", image, 32)), 10)
losses = tf1.nn.sparse_softmax_cross_entropy_with_logits(labels=label, logits=logits)
loss = tf.reduce_mean(losses, name="loss")
accuracy = tf.reduce_mean(tf.cast(tf.equal(tf.argmax(logits, 1), label), tf.float32), name="accuracy")
step = tf1.train.get_or_create_global_step()
rate = tf1.train.exponential_decay(0.003, step, 100, 0.9)
train = tf1.train.AdamOptimizer(rate).minimize(loss, step, name="train")
tf1.add_to_collection(tf1.GraphKeys.TRAIN_OP, train)
saver = tf1.train.Saver()

with tf1.Session() as session:
    if len(sys.argv) > 1:
        saver.restore(session, sys.argv[1])
        print(session.run([accuracy, step], {image: PIXELS, label: LABELS}))
        sys.exit()
    session.run(tf1.global_variables_initializer())
    order = np.random.RandomState(1).permutation(len(ROWS))
    for begin in range(0, len(ROWS), 32):
        rows = order[begin : begin + 32]
        session.run(train, {image: PIXELS[rows], label: LABELS[rows]})
    print(session.run([loss, accuracy, step], {image: PIXELS, label: LABELS}))
    saver.save(session, str(HERE / "digits"), write_meta_graph=False, write_state=False)
    saver.export_meta_graph(str(HERE / "digits.meta"), clear_devices=True, strip_default_attrs=True)
