"""The frozen part runs on every replica, each on part of a batch."""

from tests.replicas import check_program

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
