"""Fine-tuning on two replicas is fine-tuning on one."""

import pytest

from tests.replicas import check_program

PROGRAM = """
from tests.training.small_models import coloured_images, small_backbone
from tl_keras import build_classifier, fine_tune

OBJECTIVE = {
    "plain": {},
    "l2-sp": {"objective": "l2-sp", "l2_sp_weight": 2.0, "l2_sp_head_weight": 0.5},
    "joint": {"objective": "joint", "source": coloured_images(40, seed=2)},
}[sys.argv[1]]

def weights(strategy, cache):
    with strategy.scope():
        keras.utils.set_random_seed(0)
        backbone = small_backbone(dropout=0.0)
        model = build_classifier(backbone, 3, head="gap", hidden_units=8, dropout=0.0)
        keras.utils.set_random_seed(1)  # for the head of the source
    fine_tune(
        model, coloured_images(32), coloured_images(16, seed=1), freeze_epochs=2, epochs=2,
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


PARTNERS = """
from tl_keras.data.pipelines.mixing import mix
from tl_keras.training.frozen.feature_cache import Features, training_batches

strategy = two_replicas()
local = strategy.experimental_local_results

def slowly(rows, mixing):
    def one(i):
        partner = rows[i ^ 1] if i ^ 1 < len(rows) else rows[i]
        return mixing[i, 0] * rows[i] + (1 - mixing[i, 0]) * partner
    return np.array([one(i) for i in range(len(rows))]).reshape(rows.shape)

seen = set()
for size, batch_size in ((23, 6), (23, 7), (22, 10), (5, 6)):
    labels = np.arange(size) % 5
    source = Features([np.eye(5, dtype="float32")[labels][None]], labels)  # inputs are the labels
    batches = training_batches(
        source, batch_size, num_classes=5, seed=0, mixup=1.0, mixed_inside=2,
        repeat=True, drop_remainder=size >= batch_size,
    )
    for x, y in strategy.experimental_distribute_dataset(batches.take(3)):
        for inputs, mixing, y in zip(local(x["inputs"]), local(x["mixing"]), local(y)):
            expected = slowly(inputs.numpy(), mixing.numpy())
            np.testing.assert_allclose(mix(inputs, mixing), expected, atol=1e-6)
            np.testing.assert_allclose(y, expected, atol=1e-6)
            seen.add(len(y))
assert seen == {2, 3, 4, 5}, seen
print("equal")
"""


@pytest.mark.slow
def test_labels_are_mixed_with_the_partners_that_a_replica_finds():
    check_program(PARTNERS)
