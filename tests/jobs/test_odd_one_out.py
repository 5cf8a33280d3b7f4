"""Letters among digits, found by models that saw the mixture without labels.

MNIST and Omniglot are in the folder that TL_KERAS_DATA names. The score was chosen on letters of
omniglot_background_small1; those measured here are of small2, other alphabets.
"""

import os
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from tests.jobs.omniglot_letters import letters_like_mnist
from tests.real_data import needs
from tl_keras.jobs.outliers import outliers
from tl_keras.jobs.pretrain.pretrain import pretrain
from tl_keras.settings.label_free import PretrainSettings

pytestmark = needs("mnist.npz and Omniglot")
DIGITS, LETTERS = 59_400, 600


@pytest.fixture(scope="module")
def mixture(tmp_path_factory):
    """(file of 60,000 images of which 1 % are letters, whether each is one)"""
    folder = Path(os.environ["TL_KERAS_DATA"])
    with np.load(folder / "mnist.npz") as arrays:
        digits = arrays["x_train"][:DIGITS]
    letters = letters_like_mnist(folder / "omniglot_background_small2.zip", LETTERS)
    ink = digits.mean(), letters.mean()
    assert ink[1] == pytest.approx(ink[0], rel=0.15), "told by their ink alone"
    order = np.random.default_rng(0).permutation(DIGITS + LETTERS)
    path = tmp_path_factory.mktemp("mixture") / "mixture.npy"
    np.save(path, np.concatenate([digits, letters])[order])
    return path, order >= DIGITS


@pytest.mark.parametrize("method", ["autoencoder", "vae"])
def test_one_letter_in_a_hundred_digits_is_found(method, mixture, tmp_path):
    path, is_letter = mixture
    run = pretrain(PretrainSettings(method, str(path), out=str(tmp_path / "run")))
    areas = {}
    for score in ("auto", "reconstruction"):
        rows = outliers(run, path, score=score, out=tmp_path / f"{score}.csv")
        scores = np.empty(len(rows))
        scores[[int(row["path"].split("[")[-1][:-1]) for row in rows]] = [r["score"] for r in rows]
        areas[score] = roc_auc_score(is_letter, scores)
    print(method, areas)  # noqa: T201 - the figures asked for
    assert areas["auto"] >= 0.95
    assert areas["auto"] > areas["reconstruction"]
