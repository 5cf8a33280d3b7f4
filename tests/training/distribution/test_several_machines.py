"""Keras's `fit` on two worker processes ends where it ends in one."""

from tests.workers import check_workers

PROGRAM = """
from tl_keras.training.distribution.several_machines import from_chief, mend_keras

X = np.random.default_rng(0).normal(size=(18, 4)).astype("float32")
Y = np.arange(18) % 3

def compiled():
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("adam", loss, metrics=["accuracy"])
    return model

def history_of(model):
    return model.fit(
        X[:16], Y[:16], batch_size=8, epochs=2, shuffle=False, verbose=0,
        validation_data=(X, Y), validation_batch_size=8,
    ).history

def fails(words):
    # Upstream's own code works now if this fails: then `mend_keras` is to go.
    with strategy.scope():
        model = compiled()
    try:
        history_of(model)
    except ValueError as error:
        assert words in str(error), error
    else:
        raise AssertionError("keras issue 20585 is mended; remove several_machines.mend_keras")

fails("PerReplica")  # in the symbolic build
from tl_keras.models.keras_private import replace_reduction, replace_symbolic_build
from tl_keras.training.distribution import several_machines
replace_symbolic_build(several_machines._build_from_own_batch)
fails("Invalid reduction dimension")  # of the logs
replace_reduction(several_machines._mean_of_logs)

one = compiled()
alone = history_of(one)
with strategy.scope():
    two = compiled()
together = history_of(two)
for a, b in zip(one.get_weights(), two.get_weights(), strict=True):
    np.testing.assert_allclose(a, b, atol=1e-6)
for name, values in alone.items():
    np.testing.assert_allclose(together[name], values, rtol=1e-5, err_msg=name)
np.testing.assert_allclose(
    two.predict(X, batch_size=8, verbose=0), one.predict(X, batch_size=8, verbose=0), atol=1e-6
)

with strategy.scope():
    own = 0 if CHIEF else 1
    assert from_chief({"a": [own, None], "b": "x" * (1 + 20 * own)}) == {"a": [0, None], "b": "x"}
    first, second = from_chief([np.array([1.5 + own]), np.array([[own == 0]])])
    assert first == [1.5] and second == [[True]] and second.dtype == bool
print("equal")
"""


def test_two_processes_and_one_end_with_the_same_weights():
    check_workers(PROGRAM)
