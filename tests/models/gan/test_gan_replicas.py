"""A GAN on two replicas ends where it ends on one."""

import pytest

from tests.replicas import check_program

PROGRAM = """
from tl_keras import GAN

X = np.random.default_rng(0).integers(0, 256, (36, 8, 8), dtype=np.uint8)
Y = np.arange(36) % 3

def trained(strategy, **arguments):
    keras.utils.set_random_seed(0)
    with strategy.scope():
        gan = GAN((8, 8), latent_dim=4, width=4, seed=0, **arguments)
    gan.compile(keras.optimizers.SGD(0.05))  # where a step twice too large shows
    batches = tf.data.Dataset.from_tensor_slices((X, Y)).batch(8, drop_remainder=True)
    gan.fit(batches, epochs=2, verbose=0)
    return gan

for arguments in ({}, {"num_classes": 3}, {"loss": "wgan-gp"}):
    one = trained(tf.distribute.get_strategy(), **arguments)
    two = trained(two_replicas(), **arguments)
    for a, b in zip(one.weights, two.weights, strict=True):
        np.testing.assert_allclose(a, b, atol=2e-5, err_msg=a.path)
    difference = one.sample(9, seed=0).astype(int) - two.sample(9, seed=0)
    assert abs(difference).max() <= 1

two.fit(X, Y, batch_size=8, verbose=0)  # the incomplete batch of four is left out
assert two.optimizer.iterations.numpy() == 8 + 4
print("equal")
"""


@pytest.mark.slow
def test_one_replica_and_two_end_with_the_same_weights():
    check_program(PROGRAM)
