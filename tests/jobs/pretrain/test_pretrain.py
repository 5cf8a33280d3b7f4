"""`tl-keras pretrain`: its run folder, what goes on from it, and what it refuses."""

import csv
import json
import warnings

import keras
import numpy as np
import pytest
from PIL import Image

from tests.jobs.pretrained_runs import bars, pretrain_config, pretrain_words
from tests.jobs.small_runs import small_config
from tl_keras.jobs.pretrain import pretrain as job
from tl_keras.jobs.pretrain.data import in_one_size, load_pretrain_data
from tl_keras.jobs.pretrain.models import build_model, make_plan
from tl_keras.jobs.train.train import train
from tl_keras.models.gan import losses as gan_losses
from tl_keras.models.latent import image_networks, likelihoods, vae
from tl_keras.models.saving.saved_models import load_model
from tl_keras.settings import label_free as settings
from tl_keras.settings import methods
from tl_keras.settings.options.declaration import choices_of, options_of

METHODS = [name for name, row in methods.METHODS.items() if not row.takes_backbone]
SECTIONS = {
    "autoencoder": ("reconstructions", "interpolations", "latent", "probes", "film_strip"),
    "vae": ("samples", "reconstructions", "interpolations", "latent", "nearest", "held_out"),
    "gan": ("samples", "interpolations", "nearest", "quality", "film_strip", "curves"),
}


def read(run, name):
    return json.loads((run / name).read_text(encoding="utf-8"))


@pytest.mark.parametrize("method", METHODS)
def test_run_folder_is_whole(method, pretrained_run):
    run = pretrained_run(method)
    names = {path.name for path in run.iterdir()}
    assert {"config.json", "environment.json", "metrics.json", "history.csv"} <= names
    assert {"model.keras", "encoder.keras", "figures", "report.html"} <= names
    assert not [name for name in names if name.startswith(".")]
    with open(run / "history.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["1", "2"]
    assert (run / "figures" / "epochs" / "film_strip.png").is_file()
    page = (run / "report.html").read_text(encoding="utf-8")
    for section in SECTIONS[method]:
        assert f'id="{section}"' in page, section
    assert (run / "figures" / "interpolations.png").is_file()


def test_figures_are_what_their_names_say(pretrained_run):
    metrics = read(pretrained_run("vae"), "metrics.json")
    test = metrics["test"]
    assert test["negative_elbo"] == pytest.approx(test["reconstruction_nats"] + test["kl_nats"])
    assert test["bound_nats"] <= test["negative_elbo"] + 1
    assert 0 < test["pca_mse"] < test["mean_picture_mse"]
    assert metrics["samples"]["floor"]["num_samples"] == metrics["pictures"]["test"]
    assert set(metrics["odd"]) == {"relative", "reconstruction", "bound"}
    for percentiles in metrics["odd"].values():
        assert len(percentiles) == 101
        assert percentiles == sorted(percentiles)
    assert 1 <= metrics["best_epoch"] <= 2


@pytest.mark.parametrize(
    "method", ["gan", *(pytest.param(m, marks=pytest.mark.slow) for m in ("vae", "autoencoder"))]
)
def test_encoder_of_the_run_is_a_backbone(method, pretrained_run, bar_images, tmp_path):
    config = {"epochs": 0, "freeze_epochs": 1, "lr": 1e-3}
    run = train(small_config(pretrained_run(method), bar_images, tmp_path / "run", **config))
    classifier = keras.saving.load_model(run / "model.keras")  # plain Keras
    assert classifier.predict(np.zeros((1, 8, 8, 3)), verbose=0).shape == (1, 2)


@pytest.mark.parametrize("method", METHODS)
def test_encoder_file_gives_the_features_below_the_codes_in_one_scale(method, pretrained_run):
    run, pictures = pretrained_run(method), bars(200)[0]
    rgb = np.repeat(pictures[..., None], 3, -1).astype("float32")
    features = np.asarray(load_model(run / "encoder.keras")(rgb))
    model = load_model(run / "model.keras")
    network = model.encoder if method == "gan" else model.network
    codes = network(rgb if method == "gan" else rgb[..., :1])
    features, codes = (np.asarray(x).reshape(-1, x.shape[-1]) for x in (features, codes))
    varied = codes.std(0) > 0.2 * codes.std(0).max()  # what hardly varies is not blown up
    features, codes = features[:, varied], codes[:, varied]
    for column in range(codes.shape[1]):
        slope, offset = np.polyfit(codes[:, column], features[:, column], 1)
        line = slope * codes[:, column] + offset
        np.testing.assert_allclose(features[:, column], line, atol=5e-3)
    # Of other pictures than those it was scaled by.
    assert 0.3 < np.median(features.std(0)) < 3


def test_pictures_without_labels_will_do(run_cli, tmp_path):
    np.save(tmp_path / "bars.npy", bars(60)[0])
    words = pretrain_words("vae", tmp_path / "bars.npy", tmp_path / "run", "--latent-dim", 2)
    status, _, error = run_cli(*words)
    assert status == 0, error
    metrics = read(tmp_path / "run", "metrics.json")
    assert metrics["samples"] is None
    assert metrics["nearest"]["held_out_median"] > 0
    width, height = Image.open(tmp_path / "run" / "figures" / "latent_plane.png").size
    assert width == height  # the plane of the two numbers


def test_loose_files_in_colour_will_do(run_cli, tmp_path):
    folder = tmp_path / "my pictures"
    folder.mkdir()
    random = np.random.default_rng(0)
    for number in range(20):
        picture = random.integers(0, 256, (20, 14, 3), np.uint8)
        Image.fromarray(picture).save(folder / f"{number}.png")
    words = pretrain_words("autoencoder", folder, tmp_path / "run", "--image-size", 8)
    status, _, error = run_cli(*words, "--grid-every", 1)
    assert status == 0, error
    assert load_model(tmp_path / "run" / "model.keras").input_shape == (None, 8, 8, 3)
    assert (tmp_path / "run" / "figures" / "epochs" / "epoch_0001.png").is_file()


def test_folders_too_small_to_be_classes_are_read_as_one(tmp_path):
    for number, picture in enumerate(bars(12)[0]):
        folder = tmp_path / "pictures" / ("2025" if number else "2026")
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(folder / f"{number}.png")
    config = pretrain_config("vae", tmp_path / "pictures", tmp_path / "run")
    data = load_pretrain_data(config)
    assert data.num_classes == 0
    assert sum(len(part) for part in data.splits[:3]) == 12
    assert any("the class '2026' is too small" in line for line in data.splits.inspection.warnings)


def test_stopped_training_keeps_what_was_learned(bar_images, tmp_path, monkeypatch):
    def stopped(config, model, *_, **__):
        model.set_weights([weight + 1 for weight in model.get_weights()])
        raise KeyboardInterrupt

    monkeypatch.setattr(job, "fit", stopped)
    with pytest.raises(KeyboardInterrupt):
        job.pretrain(pretrain_config("autoencoder", bar_images, tmp_path / "run"))
    names = {path.name for path in (tmp_path / "run").iterdir()}
    assert names == {"config.json", "environment.json", "interrupted.keras", "checkpoints"}
    assert load_model(tmp_path / "run" / "interrupted.keras").latent_dim == 8


def test_warning_of_the_training_is_said_and_on_the_page(bar_images, tmp_path, capsys):
    real_fit = job.fit

    def fit(*arguments):
        warnings.warn("The generator may have collapsed", UserWarning, stacklevel=2)
        return real_fit(*arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(job, "fit", fit)
        run = job.pretrain(pretrain_config("autoencoder", bar_images, tmp_path / "run"))
    assert "Warning: The generator may have collapsed" in capsys.readouterr().err
    assert "The generator may have collapsed" in (run / "report.html").read_text(encoding="utf-8")


OPTIONS = {
    "autoencoder": {"architecture": "conv", "hidden_units": (9,), "noise": 0.2, "latent_dim": 3},
    "vae": {
        "architecture": "conv", "hidden_units": (9, 7), "likelihood": "bernoulli", "latent_dim": 3,
        "binarize": True, "beta": 0.5, "kl_warmup": 7, "objective": "iwae", "k": 3,
    },
    "gan": {"loss": "wgan-gp", "width": 4, "latent_dim": 3},
}  # fmt: skip


@pytest.mark.parametrize("method", METHODS)
def test_every_option_reaches_the_model(method, bar_images, tmp_path):
    options = OPTIONS[method]
    config = pretrain_config(method, bar_images, tmp_path, lr=0.005, seed=3, **options)
    data = load_pretrain_data(config)
    plan = make_plan(config, data)
    model = build_model(config, data, plan)
    known = {k: v for k, v in model.get_config().items() if k in options}
    wanted = {k: list(v) if isinstance(v, tuple) else v for k, v in options.items()}
    assert known == wanted
    assert model.seed == 3
    assert (plan.epochs, plan.batch_size, plan.steps) == (2, 16, 5)
    if method == "gan":
        assert float(model.optimizer.learning_rate) == pytest.approx(0.005)
        assert float(model.discriminator_optimizer.learning_rate) == pytest.approx(0.005)


def test_free_bits_and_classes_reach_the_model(bar_images, tmp_path):
    for method, option, name, value in (
        ("vae", {"free_bits": 0.5}, "free_bits", 0.5),
        ("gan", {"conditional": True}, "num_classes", 2),
    ):
        config = pretrain_config(method, bar_images, tmp_path, **option)
        data = load_pretrain_data(config)
        model = build_model(config, data, make_plan(config, data))
        assert getattr(model, name) == value


def test_choices_of_the_settings_are_those_of_the_models():
    options = options_of(settings.PretrainSettings)
    for name, choices in (
        ("architecture", image_networks.ARCHITECTURES),
        ("likelihood", likelihoods.LIKELIHOODS),
        ("objective", vae.OBJECTIVES),
        ("loss", tuple(gan_losses.LOSSES)),
    ):
        assert choices_of(options[name].kind) == choices


def test_defaults_follow_the_data(bar_images, tmp_path):
    config = settings.PretrainSettings("vae", str(bar_images))
    plan = make_plan(config, load_pretrain_data(config))
    assert (plan.latent_dim, plan.batch_size, plan.epochs) == (8, 12, 300)
    assert plan.architecture == "dense"
    assert plan.grid_every == 25


def test_grey_model_takes_colour_pictures_by_their_brightness():
    from tl_keras.data.dataset import ImageDataset

    red = np.zeros((2, 6, 6, 3), np.uint8)
    red[..., 0] = 200
    gray = in_one_size(ImageDataset(red), (3, 3), 1).images
    assert gray.shape == (2, 3, 3, 1)
    assert (gray == round(0.299 * 200)).all()


@pytest.mark.parametrize(
    ("method", "words", "message"),
    [
        ("vae", ("--latent-dim", 0), "Expected latent_dim to be an integer >= 1"),
        ("vae", ("--noise", 0.5), "Expected noise only with method autoencoder; received"),
        ("gan", ("--beta", 2), "Expected beta only with method vae; received beta=2.0"),
        ("autoencoder", ("--loss", "wgan-gp"), "Expected loss only with method gan"),
        ("vae", ("--beta", -1), "Expected beta to be a number >= 0"),
        ("vae", ("--objective", "iwea"), "Expected objective to be one of iwae"),
        ("vae", ("--k", 5), "Expected k only with objective='iwae'"),
        ("gan", ("--loss", "hinge"), "Expected loss to be one of"),
        ("gan", ("--temperature", 0.5), "Expected temperature only with method simclr or supcon"),
        ("vae", ("--augment", "photos"), "Expected augment only with method simclr or simsiam"),
        ("gan", ("--minutes", 1), "Expected minutes only with method simclr"),
        ("gan", ("--width", 0), "Expected width to be an integer >= 1"),
        ("gan", ("--image-size", 9), "Expected an image size that halves to 4-8 pixels"),
        ("autoencoder", ("--architecture", "conv", "--image-size", 10), "Expected images whose"),
        ("autoencoder", ("--hidden-units", "9,x"), "Expected hidden_units to be an integer >= 1"),
        ("autoencoder", ("--hidden-units", "0"), "Expected hidden_units to be an integer >= 1"),
        ("autoencoder", ("--seed", 2**31), "Expected seed to be an integer >= 0"),
        ("autoencoder", ("--split", "1,0,0"), "Expected split to be three fractions above 0"),
        ("vea", (), "Expected method to be one of vae"),
        (
            "vae",
            ("--likelihood", "gaussian", "--binarize"),
            "Expected likelihood='bernoulli' with binarize=True",
        ),
    ],
)
def test_what_cannot_be_trained_is_one_line(method, words, message, bar_images, run_cli, tmp_path):
    status, output, error = run_cli(*pretrain_words(method, bar_images, tmp_path / "x", *words))
    assert (status, output) == (2, "")
    assert error.startswith(f"Error: {message}")
    assert error.count("\n") == 1
    assert not (tmp_path / "x").exists()


def test_conditional_gan_needs_labels(run_cli, tmp_path):
    np.save(tmp_path / "bars.npy", bars(60)[0])
    words = pretrain_words("gan", tmp_path / "bars.npy", tmp_path / "x", "--conditional")
    status, _, error = run_cli(*words)
    assert status == 2
    assert error.startswith("Error: Expected labels of two classes or more")
    assert not (tmp_path / "x").exists()


def test_used_run_folder_is_refused(run_cli, pretrained_run, bar_images):
    run = pretrained_run("vae")
    before = (run / "model.keras").read_bytes()
    status, _, error = run_cli(*pretrain_words("vae", bar_images, run))
    assert status == 2
    assert error.startswith("Error: Expected a new or empty run folder")
    assert (run / "model.keras").read_bytes() == before
