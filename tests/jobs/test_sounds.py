import json

import pytest

from tests.data.sounds.wave_files import save_chirps, save_tone
from tests.jobs.small_runs import save_encoder, save_images, small_config, table_rows
from tl_keras.checks import InputError
from tl_keras.data.loading import load_dataset
from tl_keras.data.sounds.sound_images import Sounds
from tl_keras.jobs.check.check import check
from tl_keras.jobs.compare.compare import compare
from tl_keras.jobs.explore.explore import explore
from tl_keras.jobs.finished.distill import distill
from tl_keras.jobs.finished.evaluate import evaluate
from tl_keras.jobs.finished.predict import predict
from tl_keras.jobs.outliers import outliers
from tl_keras.jobs.pretrain.pretrain import pretrain
from tl_keras.jobs.train.starting_point import starting_point
from tl_keras.jobs.train.train import train
from tl_keras.models.backbones.backbone import build_backbone
from tl_keras.settings.check import CheckSettings
from tl_keras.settings.label_free import ExploreSettings, PretrainSettings
from tl_keras.settings.train import TrainSettings

AUDIO = {"kind": "audio", "clip_seconds": 0.8}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return save_chirps(tmp_path_factory.mktemp("sounds") / "data", 8)


@pytest.fixture(scope="module")
def run(folder, tmp_path_factory):
    path = tmp_path_factory.mktemp("sounds")
    encoder = save_encoder(path / "encoder.keras")
    changes = {"augment": "auto", "head": "linear", "hidden_units": None, **AUDIO}
    return train(small_config(encoder, folder, path / "run", **changes, epochs=1))


def test_a_run_remembers_how_it_heard(run):
    config = json.loads((run / "config.json").read_text())
    assert [config[n] for n in ("kind", "clip_seconds", "sample_rate")] == ["audio", 0.8, 8000]
    assert json.loads((run / "classes.json").read_text())["test_time_flips"] is False


def test_predict_needs_no_option_and_says_which_sound_is_bad(run, folder, tmp_path):
    save_tone(tmp_path / "in" / "high.wav", rate=44100, seconds=3)
    (tmp_path / "in" / "cut.wav").write_bytes((folder / "flat" / "0.wav").read_bytes()[:-10])
    (tmp_path / "in" / "note.txt").write_text("no sound")
    paths = (str(tmp_path / "in"), str(folder / "flat"))
    predict(str(run), paths, out=str(tmp_path / "p.csv"))
    rows = {row["path"].rpartition("/")[2]: row for row in table_rows(tmp_path / "p.csv")}
    assert len(rows) == 10 and "it is cut off" in rows["cut.wav"]["error"]
    assert rows["high.wav"]["label"] in ("falling", "flat", "peak")


def test_evaluate_finds_the_same_sounds_again(run, folder):
    own = evaluate(str(run))
    assert own["num_examples"] == 6
    assert own["accuracy"] == json.loads((run / "metrics.json").read_text())["test"]["accuracy"]
    assert evaluate(str(run), data=str(folder))["num_examples"] == 24


def test_the_page_has_a_player_for_a_few_sounds(run):
    page = (run / "report.html").read_text(encoding="utf-8")
    players = page.count('<audio controls preload="none" src="data:audio/wav;base64,')
    assert 1 <= players <= 6 and "media-src data:" in page
    assert "tl-keras predict . my-sound.wav" in page
    assert "Sounds(seconds=0.8, sample_rate=8000)" in page


def test_a_student_hears_as_its_teacher(run, tmp_path):
    student = distill(str(run), student="mlp", epochs=1, out=str(tmp_path / "student"))
    assert evaluate(str(student))["num_examples"] == 6


def test_check_reads_sounds(folder, tmp_path, capsys):
    out = str(tmp_path / "checked")
    check(CheckSettings(data=str(folder), kind="audio", backbone="pixels", out=out))
    output = capsys.readouterr().out
    rows = [line.split(",") for line in output.splitlines() if line.count(",") == 3][1:]
    assert sum(int(row[1]) for row in rows) == 18 and "same image" not in output


def test_explore_and_compare_read_sounds(folder, tmp_path):
    out = explore(
        ExploreSettings(data=str(folder), backbone="pixels", out=str(tmp_path / "e"), **AUDIO)
    )
    assert (out / "report.html").is_file()
    settings = {"methods": "scratch:mlp", "labels_per_class": (2,), "seeds": 1, "epochs": 1}
    assert compare(str(folder), out=str(tmp_path / "c"), **settings, **AUDIO)


def test_outliers_hear_as_the_autoencoder(folder, tmp_path):
    settings = {"method": "autoencoder", "epochs": 1, "image_size": 16, "latent_dim": 2}
    out = str(tmp_path / "autoencoder")
    pretrain(PretrainSettings(data=str(folder), out=out, **settings, **AUDIO))
    rows = outliers(out, str(folder), out=str(tmp_path / "odd.csv"))
    assert len(rows) == 24


def test_without_a_backbone_sounds_are_learned_from_scratch():
    config = TrainSettings(data="chirps", kind="audio")
    assert config.backbone == "small_resnet"
    with pytest.raises(InputError, match="Expected --backbone; received none"):
        TrainSettings(data="digits")
    with pytest.raises(InputError, match="Expected data; received none"):
        TrainSettings(backbone="vgg16")


def test_a_run_of_images_takes_no_sounds(folder, tmp_path):
    images = save_images(tmp_path / "images", 8)
    encoder = save_encoder(tmp_path / "encoder.keras")
    run = train(small_config(encoder, images, tmp_path / "run", epochs=0, freeze_epochs=1))
    with pytest.raises(InputError, match="received none"):
        predict(str(run), str(folder), out=str(tmp_path / "p.csv"))


def test_small_resnet_is_a_backbone_of_random_weights():
    encoder = build_backbone("small_resnet", weights="random")
    assert encoder.input_shape == (None, 64, 64, 3) and encoder.name == "small_resnet"
    assert build_backbone("small_resnet", image_size=32, weights=None).input_shape[1] == 32
    with pytest.raises(InputError, match=r"weights='random' with small_resnet.*'imagenet'"):
        build_backbone("small_resnet")


def test_small_resnet_starts_from_random_numbers_at_its_own_rate(folder):
    splits = load_dataset(str(folder), sounds=Sounds())
    config = TrainSettings(data=str(folder), kind="audio", image_size=16)
    start = starting_point(config, splits)
    tuning = start.resolved(config)
    assert start.weights["kind"] == "random" and tuning.weights == "random"
    assert (tuning.fine_tune.lr, tuning.fine_tune.epochs) == (2e-3, 30)  # images have 60 epochs
    assert tuning.dropout == 0.3 and not start.flips(config)
