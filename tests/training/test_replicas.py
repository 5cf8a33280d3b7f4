"""Fine-tuning on two replicas is fine-tuning on one."""

import pytest

from tests.replicas import check_program

PROGRAM = """
from tests.training.small_models import coloured_pictures, small_backbone
from tl_keras import build_classifier, fine_tune

OBJECTIVE = {
    "plain": {},
    "l2-sp": {"objective": "l2-sp", "l2_sp_weight": 2.0, "l2_sp_head_weight": 0.5},
    "joint": {"objective": "joint", "source": coloured_pictures(40, seed=2)},
}[sys.argv[1]]

def weights(strategy, cache):
    with strategy.scope():
        keras.utils.set_random_seed(0)
        model = build_classifier(small_backbone(dropout=0.0), 3, hidden_units=8, dropout=0.0)
        keras.utils.set_random_seed(1)  # for the head of the source
    fine_tune(
        model, coloured_pictures(32), coloured_pictures(16, seed=1), freeze_epochs=2, epochs=2,
        unfreeze=sys.argv[2], batch_size=8, lr=0.01, augment="photos", cache=cache,
        patience=None, **OBJECTIVE,
    )
    return model.get_weights()

one = weights(tf.distribute.get_strategy(), "memory")
for cache in ("memory", "none"):
    two = weights(two_replicas(), cache)
    reference = one if cache == "memory" else weights(tf.distribute.get_strategy(), "none")
    for a, b in zip(reference, two, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)
print("equal")
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("objective", "unfreeze"),
    [("plain", "from:high_add"), ("l2-sp", "from:high_conv"), ("joint", "from:high_conv")],
)
def test_one_replica_and_two_end_with_the_same_weights(objective, unfreeze):
    check_program(PROGRAM, objective, unfreeze)
