"""Encoders that a comparison pretrains itself: once, on every image, without a label."""

import json

import numpy as np
import pytest

from tests.jobs.pretrained_runs import bars
from tl_keras import ImageDataset, Splits, compare
from tl_keras.checks import InputError
from tl_keras.jobs.compare import pretraining as compare_pretraining
from tl_keras.models.backbones.backbone import build_backbone
from tl_keras.settings.compare import CompareSettings

METHODS = ("autoencoder", "l2-sp:autoencoder")
ASKED = {
    "methods": METHODS,
    "labels_per_class": (2,),
    "seeds": 1,
    "epochs": 2,
    "pretrain_epochs": 2,
    "split": (0.5, 0.25, 0.25),
}
SHORT = CompareSettings("bars", ("autoencoder", "simclr"), (2,), pretrain_epochs=1)


def splits():
    parts = [
        ImageDataset.from_arrays(*bars(count, seed), split=name)
        for seed, (name, count) in enumerate({"train": 40, "val": 20, "test": 20}.items())
    ]
    return Splits(*parts, None)


@pytest.fixture
def pretrainings(monkeypatch):
    """The images of each pretraining, as it was fitted."""
    seen, fit = [], compare_pretraining.fit

    def watched(config, model, data, *rest):
        seen.append((config, data))
        return fit(config, model, data, *rest)

    monkeypatch.setattr(compare_pretraining, "fit", watched)
    return seen


@pytest.mark.usefixtures("one_rate")
def test_one_encoder_serves_all_runs_and_a_resumed_comparison(pretrainings, tmp_path):
    data, path = splits(), tmp_path / "compared"
    found = compare(data, out=path, **ASKED)
    assert len(found.rows) == 2
    (config, seen), *others = pretrainings
    assert others == []
    assert (config.method, config.epochs) == ("autoencoder", 2)
    np.testing.assert_array_equal(seen.train.images[..., 0], data.train.images)
    facts = json.loads((path / "metrics.json").read_text())["pretraining"]["autoencoder"]
    assert facts["pictures"] == 40
    assert facts["seconds"] > 0
    assert "Pretrained here: autoencoder" in (path / "report.html").read_text()
    encoder = (path / "encoders" / "autoencoder.keras").read_bytes()

    lines = (path / "results.csv").read_text().splitlines(keepends=True)
    (path / "results.csv").write_text("".join(lines[:2]))
    again = compare(data, out=path, **ASKED)
    assert [r["test_accuracy"] for r in again.rows] == [r["test_accuracy"] for r in found.rows]
    assert len(pretrainings) == 1
    assert (path / "encoders" / "autoencoder.keras").read_bytes() == encoder


def test_labels_of_training_pictures_change_nothing_in_the_encoder(tmp_path):
    data, weights = splits(), []
    swapped = ImageDataset.from_arrays(data.train.images, 1 - data.train.labels, split="train")
    for name, train in (("a", data.train), ("b", swapped)):
        of = compare_pretraining.PretrainedEncoders(
            tmp_path / name, SHORT, data._replace(train=train)
        )
        weights.append(build_backbone(of.path("autoencoder")).get_weights())
    assert all(np.array_equal(a, b) for a, b in zip(*weights, strict=True))


@pytest.mark.slow
def test_half_written_encoder_is_made_anew(pretrainings, tmp_path):
    of = compare_pretraining.PretrainedEncoders(tmp_path, SHORT, splits())
    (tmp_path / "simclr.keras").write_text("cut off by a ki")
    assert of.facts == {}
    assert build_backbone(of.path("simclr")).input_shape == (None, 16, 16, 3)
    assert of.path("simclr").is_file()
    assert len(pretrainings) == 1


def test_pretraining_settings_without_a_pretraining_are_refused(tmp_path):
    asked = ASKED | {"methods": ("scratch:mlp",)}
    with pytest.raises(InputError, match="Expected pretrain_epochs with a method that pretrains"):
        compare(splits(), out=tmp_path / "run", **asked)
    with pytest.raises(InputError, match="pretrain_minutes with a method that pretrains, such as"):
        compare(splits(), out=tmp_path / "run", **ASKED | {"pretrain_minutes": 1})
    assert not (tmp_path / "run").exists()
