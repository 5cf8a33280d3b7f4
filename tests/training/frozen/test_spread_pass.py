"""The frozen part runs on every replica, each on part of a batch; its graph is traced once."""

import numpy as np

from tests.replicas import check_program
from tests.training.small_models import coloured_images, small_classifier
from tl_keras import ImageDataset
from tl_keras.models.cutting import cut_at_frozen
from tl_keras.training.frozen import spread_pass
from tl_keras.training.frozen.feature_cache import Images, compute_features
from tl_keras.training.frozen.freezing import freeze

PROGRAM = """
from tests.training.small_models import coloured_images
from tl_keras.data.conversion import as_image_dataset
from tl_keras.training.frozen.feature_cache import Images, compute_features

class WithReplica(keras.layers.Layer):
    def call(self, inputs):
        context = tf.distribute.get_replica_context()
        replica = context.replica_id_in_sync_group if context else 0
        means = tf.reduce_mean(inputs, [1, 2])
        return tf.concat([means, tf.ones_like(means[:, :1]) * tf.cast(replica, tf.float32)], 1)

images = as_image_dataset(coloured_images(11), split="train")

def features(strategy):
    with strategy.scope():
        inputs = keras.Input((16, 16, 3))
        prefix = keras.Model(inputs, [WithReplica()(inputs)])
    return compute_features(prefix, Images(images, (16, 16)), batch_size=4).arrays[0][0]

one, two = features(tf.distribute.get_strategy()), features(two_replicas())
np.testing.assert_allclose(one[:, :3], two[:, :3], rtol=1e-6)
assert list(two[:, 3]) == [0, 0, 1, 1, 0, 0, 1, 1, 0, 0, 1], two[:, 3]
print("equal")
"""


def test_features_of_a_batch_come_from_all_replicas():
    check_program(PROGRAM)


def test_the_graph_is_traced_once_and_reads_the_weights_of_now(monkeypatch):
    traced, trace = [], spread_pass.traced
    monkeypatch.setattr(spread_pass, "traced", lambda *a: traced.append(1) or trace(*a))
    model = freeze(small_classifier())
    prefix = cut_at_frozen(model).prefix

    def check(seed):
        x, y = coloured_images(6, seed)
        images = Images(ImageDataset.from_arrays(x, y), (16, 16))
        [[found]] = compute_features(prefix, images, batch_size=4).arrays
        expected = prefix(x.astype("float32"), training=False)
        np.testing.assert_allclose(found, np.squeeze(expected), rtol=1e-5, atol=1e-6)

    check(0)
    check(1)
    model.set_weights([2 * weight for weight in model.get_weights()])
    check(1)
    assert len(traced) == 1
    prefix = cut_at_frozen(freeze(small_classifier())).prefix
    check(1)
    assert len(traced) == 2
