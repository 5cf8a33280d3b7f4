"""Models that learn from episodes end on two replicas where they end on one."""

import pytest

from tests.replicas import check_program

PROGRAM = """
from tests.models.episodic.episodic_models import METHODS, glyphs, small_model
from tl_keras import ImageDataset
from tl_keras.data.pipelines.episode_batches import episode_batches
from tl_keras.data.pipelines.episodes import TaskSampler

X, Y = glyphs(noise=120)
TASKS = TaskSampler(3, 1, 2).tasks(ImageDataset.from_arrays(X, Y))

def trained(strategy, method):
    with strategy.scope():
        model = small_model(method)
        model.compile(keras.optimizers.SGD(0.05))  # where a step twice too large shows
    def batches(training):
        return episode_batches(
            TASKS, image_size=(8, 8), episodes_per_epoch=8, episodes_per_batch=4,
            augment="none", training=training, repeat=training,
        )
    history = model.fit(
        batches(True), steps_per_epoch=2, epochs=2, verbose=0, validation_data=batches(False)
    )
    return model, history.history

for method in METHODS:
    one, history = trained(tf.distribute.get_strategy(), method)
    two, other = trained(two_replicas(), method)
    for a, b in zip(one.weights, two.weights, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-4, err_msg=f"{method} {a.path}")
    for name, values in history.items():
        np.testing.assert_allclose(values, other[name], rtol=2e-3, err_msg=name)
print("equal")
"""


@pytest.mark.slow
def test_one_replica_and_two_end_with_the_same_weights():
    check_program(PROGRAM)
