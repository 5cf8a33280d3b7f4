"""Models without labels on two replicas end where they end on one."""

import pytest

from tests.replicas import check_program

PROGRAM = """
from tests.models.images import blobs
from tl_keras import VAE, Autoencoder, fit_without_labels

class Quiet(VAE):
    # Replicas draw their own noise, so there is nothing to equal: none is drawn.
    def _normal(self, shape, seed):
        return tf.zeros(shape)

def plain(model):
    with model.distribute_strategy.scope():
        model.compile("adam")
    return model.fit(blobs(), batch_size=8, epochs=2, shuffle=False, verbose=0,
                     validation_data=(blobs(16, seed=1),)).history

def ours(model):
    return fit_without_labels(model, blobs(), blobs(16, seed=1), epochs=2, batch_size=8).history

def run(strategy, build, fit):
    keras.utils.set_random_seed(0)
    with strategy.scope():
        model = build()
    history = fit(model)
    return model.get_weights(), history

SMALL = {"input_shape": (8, 8), "latent_dim": 3, "hidden_units": (8,)}
CONV = {"input_shape": (8, 8), "latent_dim": 3, "architecture": "conv", "filters": (4,)}
for build in (
    lambda: Autoencoder(**SMALL),
    lambda: Quiet(**SMALL, free_bits=0.2, kl_warmup=5),
    lambda: Quiet(**SMALL, likelihood="gaussian"),
    lambda: Quiet(**CONV, objective="iwae", k=2),
):
    for fit in (plain, ours):
        one, history = run(tf.distribute.get_strategy(), build, fit)
        two, other = run(two_replicas(), build, fit)
        for a, b in zip(one, two, strict=True):
            np.testing.assert_allclose(a, b, atol=2e-5)
        assert set(history) == set(other)
        for name, values in history.items():
            np.testing.assert_allclose(values, other[name], rtol=1e-4, err_msg=name)

from tl_keras.models.steps.random_numbers import next_seed
strategy = two_replicas()
with strategy.scope():
    seeds = keras.random.SeedGenerator(0)
drawn = strategy.run(tf.function(lambda: next_seed(seeds)))
first, second = (tuple(value.numpy()) for value in strategy.experimental_local_results(drawn))
assert first != second

# With noise and drawn pixels it must learn.
with two_replicas().scope():
    model = VAE(**SMALL, likelihood="bernoulli", binarize=True)
history = fit_without_labels(model, blobs(256), epochs=10, batch_size=16, lr=0.01)
losses = history.history["loss"]
assert losses[-1] < 0.8 * losses[0], losses
print("equal")
"""


@pytest.mark.slow
def test_one_replica_and_two_end_with_the_same_weights():
    check_program(PROGRAM)
