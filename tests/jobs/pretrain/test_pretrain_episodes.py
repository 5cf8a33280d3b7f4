"""`tl-keras pretrain` on episodes: run folder, encoder that goes on, what is refused."""

import json

import numpy as np
import pytest
from PIL import Image

from tests.jobs.pretrained_runs import pretrain_config, save_bars
from tl_keras import draw_letters
from tl_keras.checks import InputError
from tl_keras.jobs.pretrain import episode_results
from tl_keras.jobs.pretrain.data import load_pretrain_data
from tl_keras.jobs.pretrain.models import build_model, make_plan
from tl_keras.jobs.pretrain.pretrain import pretrain
from tl_keras.models.saving.saved_models import load_model
from tl_keras.settings.label_free import PretrainSettings
from tl_keras.settings.methods import EPISODES, METHODS, names_of

QUICK = {"epochs": 2, "episodes": 2, "batch_size": 1, "n_way": 3, "width": 2, "image_size": 16}
ALPHABETS = 4


@pytest.fixture(scope="module")
def characters(tmp_path_factory):
    """A folder of four alphabets of four letters by four drawers, as in Omniglot."""
    root = tmp_path_factory.mktemp("characters")
    images, labels = draw_letters(4, image_size=28)
    for number in range(4 * ALPHABETS):
        place = root / f"Alphabet{number // 4}" / f"character{number % 4 + 1:02d}"
        place.mkdir(parents=True)
        for drawer, row in enumerate(np.flatnonzero(labels == number), 1):
            Image.fromarray(255 - images[row]).save(place / f"{number:04d}_{drawer:02d}.png")
    return root


def settings(method, data, out, **changes):
    return PretrainSettings(method, str(data), out=str(out), **QUICK | changes)


@pytest.fixture(scope="module")
def run(characters, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(episode_results, "NUM_EPISODES", 10)
        return pretrain(settings(names_of(EPISODES)[0], characters, out))


@pytest.mark.slow
def test_a_run_on_characters_keeps_alphabets_apart_and_judges_new_ones(run, characters):
    metrics = json.loads((run / "metrics.json").read_text(encoding="utf-8"))
    episodes = metrics["episodes"]
    assert episodes["unseen_classes"] and episodes["n_way"] == 3 and metrics["probes"] is None
    for name in ("inductive", "transductive", "pixels"):
        mean, half = episodes[name]
        assert 0 <= mean <= 1 and 0 <= half < 0.3
    assert metrics["plan"]["episodes"] == 2 and metrics["plan"]["steps"] == 2
    page = (run / "report.html").read_text(encoding="utf-8")
    for part in ('id="episodes"', 'id="curves"', "not trained on", "transductive"):
        assert part in page
    data = load_pretrain_data(settings(names_of(EPISODES)[0], characters, run))
    owners = [{n.split("/")[0] for n in part.class_names} for part in data.splits[:3]]
    assert sum(map(len, owners)) == len(set.union(*owners)) == ALPHABETS
    assert data.drawn.num_classes == 8 * data.train.num_classes
    assert data.drawn.images.shape[1:3] == (32, 32) and data.image_shape == (16, 16, 1)


@pytest.mark.slow
def test_the_encoder_of_a_run_ranks_by_squared_distance_as_its_model_does(run):
    model, encoder = load_model(run / "model.keras"), load_model(run / "encoder.keras")
    images = np.random.default_rng(0).integers(0, 256, (6, 16, 16, 3)).astype(np.float32)
    features = np.asarray(encoder(images))
    np.testing.assert_allclose(np.linalg.norm(features, axis=1), 1, atol=1e-5)
    distances = ((features[3:, None] - features[None, :3]) ** 2).sum(-1)
    answers = model.fit_support(images[:3], [0, 1, 2]).predict(images[3:])
    np.testing.assert_array_equal(answers, distances.argmin(1))


@pytest.mark.parametrize("method", names_of(EPISODES))
def test_every_option_reaches_the_model_and_the_plan(method, characters, tmp_path):
    options = {"inner_lr": 0.3, "inner_steps": 2, "first_order": True}
    options = {name: value for name, value in options.items() if name in METHODS[method].options}
    config = settings(
        method,
        characters,
        tmp_path,
        k_shot=2,
        n_query=2,
        augment="none",
        seed=3,
        backbone="conv4",
        **options,
    )
    data = load_pretrain_data(config)
    plan = make_plan(config, data)
    model = build_model(config, data, plan)
    assert (model.n_way, model.k_shot, model.n_query, model.seed) == (3, 2, 2, 3)
    assert {name: getattr(model, name) for name in options} == options
    assert (plan.backbone, plan.augment, plan.episodes) == ("conv4", "none", 2)
    assert model.encoder.name == "conv4" and model.encoder.output_shape == (None, 2)


def test_ways_follow_the_classes_and_grey_drawings_have_their_own_encoder(tmp_path):
    data_file = save_bars(tmp_path / "bars.npz")
    config = PretrainSettings(names_of(EPISODES)[0], str(data_file))
    data = load_pretrain_data(config)
    plan = make_plan(config, data)
    model = build_model(config, data, plan)
    assert model.n_way == 2 and model.input_shape[1:] == (48, 48, 3)
    assert (plan.backbone, plan.augment) == ("character_resnet", "characters")
    assert (plan.epochs, plan.steps, plan.batch_size) == (24, 100, 1)


def test_what_no_episode_can_be_drawn_from_is_refused(characters, tmp_path):
    method = names_of(EPISODES)[0]

    def build(**changes):
        config = settings(method, characters, tmp_path, **changes)
        data = load_pretrain_data(config)
        build_model(config, data, make_plan(config, data))

    with pytest.raises(InputError, match="n_way=99 classes; received 64"):
        build(n_way=99)
    with pytest.raises(InputError, match="at least k_shot .* = 5 images of each class"):
        build(k_shot=2, n_query=3)
    with pytest.raises(InputError, match="batch_size to be a number <= 2"):
        build(batch_size=3)
    with pytest.raises(InputError, match="episodes only with method prototypical"):
        PretrainSettings("vae", "digits", episodes=3)
    np.save(tmp_path / "x.npy", np.zeros((9, 8, 8), np.uint8))
    with pytest.raises(InputError, match="labels of two classes"):
        load_pretrain_data(pretrain_config(method, tmp_path / "x.npy", tmp_path / "out"))
