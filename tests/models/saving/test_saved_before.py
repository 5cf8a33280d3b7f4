"""Files saved under an earlier package layout, one of each kind, still load and train."""

from pathlib import Path

import numpy as np
import pytest

from tl_keras import load_model
from tl_keras.settings.methods import WITHOUT_LABELS

FILES = sorted((Path(__file__).parent / "saved").glob("*.keras"))
GREY = {"mlp", "rnn", "cnn", "autoencoder", "vae", "gan"}


@pytest.mark.parametrize("path", FILES, ids=[path.stem for path in FILES])
def test_a_model_that_was_saved_before_loads_and_trains_on(path):
    assert len(FILES) == 11
    model = load_model(path, compile=True)
    side, channels = (16, 3) if path.stem == "classifier" else (8, 1 if path.stem in GREY else 3)
    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, (16, side, side, channels)).astype("float32")
    given = (x,) if path.stem in WITHOUT_LABELS else (x, np.arange(16) % 2)
    before = [weight.copy() for weight in model.get_weights()]
    history = model.fit(*given, batch_size=8, verbose=0)
    assert all(np.isfinite(values).all() for values in history.history.values())
    after = model.get_weights()
    assert any(not np.array_equal(*pair) for pair in zip(before, after, strict=True))
