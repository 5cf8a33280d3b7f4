"""`tl-keras pretrain` from two views: what the run tells, what goes on from it, what is refused."""

import csv
import json

import keras
import numpy as np
import pytest

from tests.jobs.pretrained_runs import OPTIONS, bars, pretrain_config, pretrain_words
from tests.jobs.small_runs import arguments, save_images, small_config
from tl_keras.jobs.pretrain import pretrain as job
from tl_keras.jobs.pretrain.data import load_pretrain_data
from tl_keras.jobs.pretrain.models import build_model, make_plan
from tl_keras.jobs.train.train import train
from tl_keras.models.saving.saved_models import load_model
from tl_keras.settings.label_free import PretrainSettings
from tl_keras.settings.methods import METHODS, TWO_VIEWS, names_of

SMALL = OPTIONS["simclr"]


def built(config):
    data = load_pretrain_data(config)
    plan = make_plan(config, data)
    return build_model(config, data, plan), plan


@pytest.mark.parametrize("method", names_of(TWO_VIEWS))
def test_every_option_reaches_the_model_and_the_plan(method, bar_images, tmp_path):
    options = {"projection_units": (9, 5)}
    options |= {"temperature": 0.3} if "temperature" in METHODS[method].options else {}
    config = pretrain_config(
        method, bar_images, tmp_path, width=3, augment="cifar", seed=3, **options
    )
    model, plan = built(config)
    assert type(model).__name__ == METHODS[method].model.split(":")[1]
    assert (model.seed, model.projection_units) == (3, (9, 5))
    assert getattr(model, "temperature", None) == options.get("temperature")
    assert model.encoder.output_shape == (None, 24)
    # 72 of 120 pictures; what does not fill a batch is left out.
    assert (plan.backbone, plan.augment, plan.steps) == ("small_resnet", "cifar", 4)


def test_defaults_follow_the_data(bar_images):
    model, plan = built(PretrainSettings("simclr", str(bar_images)))
    assert (plan.batch_size, plan.epochs, plan.augment) == (12, 300, "digits")
    assert model.input_shape[1:] == (16, 16, 3), "the smallest that small_resnet takes"
    model, plan = built(PretrainSettings("simclr", str(bar_images), minutes=1, image_size=20))
    assert plan.epochs > 1000
    assert model.input_shape[1:] == (20, 20, 3)


def test_any_encoder_can_be_the_backbone(encoder, bar_images):
    model, plan = built(PretrainSettings("simclr", str(bar_images), backbone=str(encoder)))
    before = load_model(encoder).get_weights()
    assert all(map(np.array_equal, model.encoder.get_weights(), before)), "it goes on from there"
    assert model.encoder.trainable_weights
    model, plan = built(PretrainSettings("vicreg", str(bar_images), backbone="mobilenet_v3_small"))
    assert plan.backbone == "mobilenet_v3_small"
    assert model.input_shape[1:3] == (32, 32)


@pytest.mark.slow
def test_run_tells_whether_it_learns(pretrained_run):
    run = pretrained_run("simclr")
    names = {path.name for path in run.iterdir()}
    assert {"model.keras", "encoder.keras", "metrics.json", "history.csv", "report.html"} <= names
    with open(run / "history.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["1", "2"]
    for name in ("embedding_spread", "feature_spread", "knn_accuracy", "linear_accuracy"):
        assert all(0 <= float(row[name]) <= 2 for row in rows), name
    page = (run / "report.html").read_text(encoding="utf-8")
    for section in ("learning", "probes", "neighbours", "features", "views", "settings"):
        assert f'id="{section}"' in page, section
    assert "of these are of the class of the test image" in page
    metrics = json.loads((run / "metrics.json").read_text())
    assert metrics["best_epoch"] == 2, "the last one is kept"
    features = [row["features"] for row in metrics["probes"]]
    assert features == ["encoder", "encoder, untrained", "PCA of pixels", "pixels"]


def test_encoder_file_is_the_encoder_of_the_model_in_one_scale(pretrained_run):
    run, pictures = (
        pretrained_run("simclr"),
        np.random.default_rng(0).uniform(0, 255, (9, 16, 16, 3)),
    )
    of_model = load_model(run / "model.keras").encoder(pictures).numpy()
    of_file = load_model(run / "encoder.keras")(pictures).numpy()
    layer = load_model(run / "encoder.keras").layers[-1]
    np.testing.assert_allclose(of_file, np.asarray(layer(of_model)), rtol=1e-4, atol=1e-4)


@pytest.mark.slow
def test_pictures_without_labels_will_do_and_are_told_of(run_cli, tmp_path):
    np.save(tmp_path / "bars.npy", bars(60)[0])
    words = pretrain_words("vicreg", tmp_path / "bars.npy", tmp_path / "run", "--width", 2)
    status, _, error = run_cli(*words, "--projection-units", "16,8", "--minutes", 10)
    assert status == 0, error
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert metrics["probes"] is None
    page = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert "There are no labels to judge the features by: look at the neighbours." in page
    assert "feature_spread" in (tmp_path / "run" / "history.csv").read_text()


@pytest.mark.slow
def test_time_ends_a_training_in_the_epoch_in_which_it_is_over(bar_images, tmp_path):
    config = pretrain_config("simclr", bar_images, tmp_path, **SMALL, minutes=1e-6)
    data = load_pretrain_data(config)
    plan = make_plan(config, data)
    model = build_model(config, data, plan)
    assert len(job.fit(config, model, data, plan, []).epoch) == 1
    assert int(model.optimizer.iterations) <= 1


@pytest.mark.slow
def test_collapse_is_said_and_on_the_page(tmp_path, capsys, monkeypatch):
    np.save(tmp_path / "bars.npy", bars(60)[0])

    def collapsed(*arguments):
        model = build_model(*arguments)
        last = model.projector.layers[-1]
        last.set_weights([np.zeros_like(last.kernel), np.ones_like(last.bias)])
        model.projector.trainable = False
        return model

    monkeypatch.setattr(job, "build_model", collapsed)
    config = pretrain_config("simclr", tmp_path / "bars.npy", tmp_path / "run", **SMALL)
    run = job.pretrain(config)
    assert "Warning: The embeddings may have collapsed" in capsys.readouterr().err
    assert "The embeddings may have collapsed" in (run / "report.html").read_text(encoding="utf-8")


@pytest.mark.slow
def test_classifier_is_built_on_the_run_whatever_its_classes(pretrained_run, tmp_path):
    run, data = pretrained_run("simclr"), save_images(tmp_path / "colours", 12)
    config = {"epochs": 0, "freeze_epochs": 1, "lr": 1e-3}
    trained = train(small_config(run, data, tmp_path / "run", **config))
    classifier = keras.saving.load_model(trained / "model.keras")  # plain Keras
    assert classifier.predict(np.zeros((1, 16, 16, 3)), verbose=0).shape == (1, 3)


def test_classifier_of_another_size_than_the_encoders_is_refused(
    pretrained_run, run_cli, colours, tmp_path
):
    run = pretrained_run("simclr")
    words = arguments(run, colours, tmp_path / "run", "--image-size", 64)
    status, output, error = run_cli(*words)
    assert (status, output) == (2, "")
    assert error == (
        f"Error: Expected image_size=(16, 16), which {run} was built for; received (64, 64). "
        "Leave image_size out or train another encoder.\n"
    )
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("method", "words", "message"),
    [
        ("simclr", ("--temperature", 0), "Expected temperature to be a number > 0"),
        ("vicreg", ("--temperature", 1), "Expected temperature only with method simclr or supcon"),
        ("simclr", ("--latent-dim", 9), "Expected latent_dim only with method autoencoder or vae"),
        ("simclr", ("--grid-every", 9), "Expected grid_every only with method autoencoder or"),
        ("simclr", ("--projection-units", "9,x"), "Expected projection_units to be an integer"),
        ("simclr", ("--projection-units", "9,0"), "Expected projection_units to be an integer"),
        ("simclr", ("--minutes", 0), "Expected minutes to be a number > 0"),
        ("simclr", ("--augment", "none"), "Expected augment to be one of"),
        ("simclr", ("--backbone", "resnet5"), "Expected backbone to be one of resnet50, "),
        ("simclr", ("--backbone", "no/such.keras"), "Expected a backbone that exists"),
        ("simclr", ("--weights", "imagenet"), "Expected weights only with the name of a base"),
        ("simclr", ("--backbone", "resnet50", "--width", 9), "Expected width only with backbone="),
        ("simclr", ("--batch-size", 100), "Expected at least 100 images, one batch of pairs"),
        ("simclr", ("--batch-size", 1), "Expected batch_size to be an integer >= 2"),
        ("simclr", ("--image-size", 8), "Expected image_size to be an integer >= 16"),
    ],
)  # fmt: skip
def test_what_cannot_be_learned_from_is_one_line(
    method, words, message, bar_images, run_cli, tmp_path
):
    status, output, error = run_cli(*pretrain_words(method, bar_images, tmp_path / "x", *words))
    assert (status, output) == (2, "")
    assert error.startswith(f"Error: {message}"), error
    assert error.count("\n") == 1, error
    assert not (tmp_path / "x").exists()


def test_supcon_needs_labels(run_cli, tmp_path):
    np.save(tmp_path / "bars.npy", bars(60)[0])
    words = pretrain_words("supcon", tmp_path / "bars.npy", tmp_path / "x")
    status, _, error = run_cli(*words)
    assert status == 2
    assert error.startswith("Error: Expected labels of two classes or more in ")
    assert not (tmp_path / "x").exists()
