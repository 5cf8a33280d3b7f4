"""Distillation, pruning and pseudo-labels on two replicas end where they end on one."""

import pytest

from tests.replicas import check_program

PROGRAM = """
from tests.training.small_models import coloured_images
from tl_keras import MLP, Distiller, distill, fit_with_pseudo_labels, prune

TRAIN, VAL = coloured_images(32), coloured_images(16, seed=1)
MORE = coloured_images(16, seed=2)[0]
SETTINGS = {"epochs": 2, "batch_size": 8, "lr": 0.01, "augment": "photos"}

def net(seed):
    keras.utils.set_random_seed(seed)
    model = MLP(3, (8, 8))
    model.build((None, 16, 16, 3))
    return model

def kept_answers(student, teacher):
    distill(student, teacher, TRAIN, VAL, unlabelled=MORE, optimizer="sgd", **SETTINGS)

def asking(student, teacher):
    with student.distribute_strategy.scope():
        model = Distiller(student, teacher, temperature=2.0, alpha=0.7)
        sgd = keras.optimizers.SGD(0.01, momentum=0.9)
        model.compile(sgd, "sparse_categorical_crossentropy", jit_compile=False)
    model.fit(*TRAIN, batch_size=8, epochs=2, shuffle=False, verbose=0)

def pruned(student, teacher):
    prune(student, 0.8, TRAIN, VAL, prune_epochs=2, weight_decay=0.1, **SETTINGS)
    kernels = [layer.kernel.numpy() for layer in student.body if hasattr(layer, "kernel")]
    zeros = sum(int((kernel == 0).sum()) for kernel in kernels)
    assert zeros == round(0.8 * sum(kernel.size for kernel in kernels)), zeros

def pseudo_labels(student, teacher):
    how = {"unlabelled_ratio": 2, "confidence": 0.4, "optimizer": "sgd", "average_decay": 0.5}
    history = fit_with_pseudo_labels(student, TRAIN, MORE, **SETTINGS | how | {"batch_size": 24})
    assert 0.1 < history.history["pseudo_label_rate"][0] < 1, history.history

def weights(strategy, train):
    with strategy.scope():
        student, teacher = net(0), net(1)
    train(student, teacher)
    return student.get_weights()

ways = {"distill": kept_answers, "Distiller": asking, "prune": pruned, "pseudo": pseudo_labels}
train = ways[sys.argv[1]]
one = weights(tf.distribute.get_strategy(), train)
for a, b in zip(one, weights(two_replicas(), train), strict=True):
    np.testing.assert_allclose(a, b, atol=1e-5)
print("equal")
"""


@pytest.mark.slow
@pytest.mark.parametrize("way", ["distill", "Distiller", "prune", "pseudo"])
def test_one_replica_and_two_end_with_the_same_weights(way):
    check_program(PROGRAM, way)
