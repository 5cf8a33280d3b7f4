"""The plan of a training run: what it says, what it chooses, and how near it comes."""

import json
import re
from types import SimpleNamespace

import keras
import numpy as np
import pytest

from tests.jobs.small_runs import small_config
from tests.replicas import check_program
from tl_keras import InputError
from tl_keras.data.array_store import Limits, limited_to, room_taken
from tl_keras.jobs.train.planning import TimeLeft, _announced, _presets
from tl_keras.jobs.train.train import train
from tl_keras.settings.fine_tune import FineTuneSettings
from tl_keras.settings.train import TrainSettings
from tl_keras.training.fine_tuning.time_plan import (
    BACKWARD,
    STARTING,
    Speed,
    _in_parallel,
    stages,
    start_bytes,
)
from tl_keras.training.time_limit import Deadline

LINEAR = {"head": "linear", "hidden_units": None, "freeze_epochs": None, "augment": "flip"}


class Images(list):
    """Of two classes, in colour."""

    num_classes, is_grayscale = 2, False


def test_stages_count_what_runs():
    splits = Images(range(40)), Images(range(10)), Images(range(30))
    settings = FineTuneSettings(refit=True, augment="flip", epochs=4, views=2).filled()
    speed = Speed(loading=1.0, changing=2.0, frozen=8.0, trained=100.0, step=300.0, features=1)
    found = stages(speed, settings, splits_of(*splits), features=0)
    assert found == pytest.approx(
        {
            # 40 + 10 are read; image and mirror image of them go through
            "linear start": STARTING + 50 + 2 * 50 * 108,
            # 2 views of 40 + 10, and of 10
            "frozen part": STARTING + 10 * 2 * 50 + 8 * 2 * 10,
            # and validation: after each epoch, and both views at 4 points and the start
            "fine-tuning 1 of 2": STARTING + 4 * 40 * 300 + (4 + 2 * 5) * 10 * 100,
            "fine-tuning 2 of 2": STARTING + 4 * 40 * 300 + (4 + 2 * 4) * 10 * 100,
            "last fit 1 of 2": STARTING + 4 * 50 * 300,
            "last fit 2 of 2": STARTING + 4 * 50 * 300,
            # the start and two more networks, on one frozen part
            "test": STARTING + 30 + 30 * 2 * (8 + 3 * 100),
        }
    )


def test_an_average_fits_each_network_again_and_predicts_with_all():
    splits = splits_of(Images(range(40)), Images(range(10)), Images(range(30)))
    how = {"refit": True, "augment": "flip", "epochs": 4, "views": 2, "preset": "best"}
    found = stages(
        Speed(1.0, 2.0, 8.0, 100.0, 300.0, 1), FineTuneSettings(**how).filled(), splits, 0
    )
    fits = [found[f"last fit {number} of 3"] for number in (1, 2, 3)]
    assert fits == pytest.approx([STARTING + 4 * 50 * 300] * 3)
    # the start and three more networks, on one frozen part
    test = 30 + 30 * 2 * (8 + 4 * 100)
    assert found["test"] == pytest.approx(STARTING + test)


def test_without_a_cache_the_frozen_part_runs_in_each_epoch():
    splits = splits_of(Images(range(40)), Images(range(10)), Images(range(30)))
    how = {"refit": True, "augment": "flip", "epochs": 4, "cache": "none"}
    found = stages(
        Speed(0, 2.0, 8.0, 100.0, 300.0), FineTuneSettings(**how).filled(), splits, features=0
    )
    assert "frozen part" not in found
    val = (4 + 2 * 4) * 10 * 108
    assert found["fine-tuning 2 of 2"] == pytest.approx(STARTING + 4 * 40 * (10 + 300) + val)
    last = STARTING + 4 * 50 * (10 + 300)
    assert found["last fit 1 of 2"] == found["last fit 2 of 2"] == pytest.approx(last)


def test_features_without_room_are_computed_in_each_epoch():
    splits = splits_of(Images(range(40)), Images(range(10)), Images(range(30)))
    how = {"refit": True, "augment": "flip", "epochs": 4, "views": 2}
    speed = Speed(0, 2.0, 8.0, 100.0, 300.0, features=1000)
    for dtype, number in ((None, 2), ("float32", 4)):
        settings = FineTuneSettings(**how, cache_dtype=dtype).filled()
        # one view of 50 images, two of 10
        for room, fits in ((70 * 1000 * number, True), (70 * 1000 * number - 1, False)):
            with limited_to(Limits(room + room_taken()["memory"], 0)):
                found = stages(speed, settings, splits, features=0)
            once = 300 if fits else 310
            assert found["last fit 1 of 2"] == pytest.approx(STARTING + 4 * 50 * once)
            assert ("frozen part" in found) == fits


def test_without_a_last_fit_the_validation_images_are_measured_with_the_test_images():
    splits = splits_of(Images(range(40)), Images(range(10)), Images(range(30)))
    how = {"refit": False, "augment": "flip", "epochs": 4, "views": 2}
    found = stages(Speed(1.0, 2.0, 8.0, 100.0), FineTuneSettings(**how).filled(), splits, 0)
    both = 40 + 40 * 2 * (8 + 3 * 100)
    assert found["test"] == pytest.approx(STARTING + both + 10 + 10 * 2 * 108)


def test_without_an_average_the_longest_fit_may_be_repeated_and_the_start_is_measured_apart():
    splits = splits_of(Images(range(40)), Images(range(10)), Images(range(30)))
    how = {"refit": True, "augment": "flip", "epochs": 4, "views": 2, "average": False}
    found = stages(
        Speed(1.0, 2.0, 8.0, 100.0, 300.0, 1), FineTuneSettings(**how).filled(), splits, 0
    )
    assert found["last fit"] == pytest.approx(STARTING + 4 * 50 * 300)
    assert found["test"] == pytest.approx(STARTING + 30 + 30 * 2 * 2 * 108)


def test_with_room_for_few_views_as_many_are_counted():
    splits = splits_of(Images(range(40)), Images(range(10)), Images(range(30)))
    settings = FineTuneSettings(refit=True, augment="flip", epochs=8, views=8).filled()
    speed = Speed(0, 2.0, 8.0, 100.0, 300.0, features=1000)
    room = 2 * 1000 * (3 * 50 + 2 * 10)  # float16
    with limited_to(Limits(room + room_taken()["memory"], 0)):
        found = stages(speed, settings, splits, features=0)
    assert found["frozen part"] == pytest.approx(STARTING + 10 * 3 * 50 + 8 * 2 * 10)


@pytest.mark.parametrize(
    ("replicas", "devices", "parallel"),
    [
        (1, None, 1),
        (2, ("CPU:0", "CPU:1"), 1),  # logical CPUs of one machine
        (4, ("GPU:0", "GPU:1", "GPU:2", "GPU:3"), 4),
        (3, ("CPU:0",), 3),  # three machines
        (8, ("/device:GPU:0", "/device:GPU:1"), 8),  # of four machines
    ],
)
def test_replicas_count_that_have_a_processor_of_their_own(replicas, devices, parallel):
    extended = SimpleNamespace(worker_devices=devices)
    strategy = SimpleNamespace(num_replicas_in_sync=replicas, extended=extended)
    assert _in_parallel(SimpleNamespace(distribute_strategy=strategy)) == parallel


def test_with_nothing_frozen_a_step_goes_through_all_layers():
    speed = Speed(1.0, 2.0, frozen=8.0, trained=100.0, step=300.0).of_all_layers
    assert (speed.frozen, speed.trained, speed.step) == (0.0, 108.0, 300 + 8 * (1 + BACKWARD))
    assert not speed.features


MEASURED = """
from tests.training.small_models import coloured_images, small_classifier
from tl_keras import ImageDataset
from tl_keras.settings.fine_tune import FineTuneSettings
from tl_keras.training.fine_tuning.inputs import images_of
from tl_keras.training.fine_tuning.time_plan import measure_speed

strategy = two_replicas() if int(sys.argv[1]) == 2 else tf.distribute.get_strategy()
with strategy.scope():
    model = small_classifier(head="linear")
    before = model.get_weights()
    settings = FineTuneSettings(batch_norm="train", unfreeze="from:high_conv").filled()
    dataset = ImageDataset.from_arrays(*coloured_images(9))
    images = images_of(dataset, model, settings, training=True)
    speed = measure_speed(model, images, settings)
for old, new in zip(before, model.get_weights(), strict=True):
    np.testing.assert_array_equal(old, new)
assert min(speed.frozen, speed.step) > 0
print("equal")
"""


@pytest.mark.slow
@pytest.mark.parametrize("replicas", ["1", "2"])
def test_measuring_leaves_the_model_as_it_was(replicas):
    check_program(MEASURED, replicas)


def test_the_time_left_follows_the_time_taken_so_far(monkeypatch, capfd):
    clock = [100.0]
    monkeypatch.setattr("tl_keras.jobs.train.planning.time.monotonic", lambda: clock[0])
    left = TimeLeft(
        {"linear start": 5.0, "frozen part": 7.0, "one": 40.0, "two": 60.0, "test": 3.0}
    )
    for fit in range(2):
        [clocks] = left.callbacks()
        clocks.set_params({"epochs": 4 * (fit + 1)})  # they go on counting
        clocks.on_train_begin()
        clock[0] += 30  # three times as long as planned, or twice
        clocks.on_epoch_end(4 * fit)
    said = re.findall(r"About (.*) left", capfd.readouterr().err)
    # 3 epochs of 30 s, and three times 63 s; 3 epochs of 30 s, and twice 3 s
    assert said == ["4 min 39 s", "1 min 36 s"]


def test_the_plan_names_a_phase_that_it_does_not_estimate(capfd):
    settings = FineTuneSettings(average=False).filled()
    for unlabelled, more in ((None, ""), ("more/", ", then the phase with pseudo-labels")):
        config = TrainSettings("vgg16", "digits", fine_tune=settings, unlabelled=unlabelled)
        _announced(config, {"linear start": 9.0})
        assert f"about 9.0 s in all{more}.\n" in capfd.readouterr().err


def splits_of(train, val, test):
    from tl_keras.data.dataset import Splits

    return Splits(train, val, test, None)


def test_a_fast_plan_has_no_fine_tuning():
    settings = FineTuneSettings(preset="fast", augment="none").filled()
    parts = stages(Speed(0, 0, 1, 0), settings, splits_of(*[Images(range(9))] * 3), features=0)
    assert list(parts) == ["linear start", "test"]


def test_minutes_choose_the_preset_and_are_said(encoder, colours, tmp_path, capfd):
    asked = LINEAR | {"epochs": None, "lr": None, "preset": "best"}
    run = train(small_config(encoder, colours, tmp_path / "run", **asked, minutes=0.25))
    tuning = json.loads((run / "config.json").read_text(encoding="utf-8"))["fine_tune"]
    assert tuning["preset"] == "fast"  # 15 seconds are too few for more, and win
    assert tuning["minutes"] == 0.25  # as asked, though measuring takes a part of them
    said = capfd.readouterr().err
    assert re.search(r"Plan \(fast\): linear start [\d.]+ s, test [\d.]+ s; about", said)


def test_minutes_choose_no_more_than_the_preset_that_was_given():
    for preset, allowed in ((None, 3), ("best", 3), ("balanced", 2), ("fast", 1)):
        found = _presets(FineTuneSettings(preset=preset, minutes=60))
        assert found == ["best", "balanced", "fast"][-allowed:]
    assert _presets(FineTuneSettings(minutes=60, epochs=0)) == ["balanced", "fast"]


def test_too_few_minutes_for_the_linear_start_are_refused_before_it(encoder, colours, tmp_path):
    for lr, least in ((None, "fast"), (0.02, "balanced")):  # a rate is for a fine-tuning
        asked = LINEAR | {"epochs": None, "lr": lr, "minutes": 0.01}
        said = rf"at least \d+\.\d minutes, which preset '{least}' takes"
        with pytest.raises(InputError, match=said):
            train(small_config(encoder, colours, tmp_path / "run", **asked))
    assert not list(tmp_path.glob("run/*.keras"))


def test_minutes_need_a_linear_start():
    with pytest.raises(InputError, match="no minutes where it has no effect"):
        FineTuneSettings(minutes=3, linear_start=False)


def test_a_limit_judges_by_the_slowest_fine_tuning_so_far(monkeypatch):
    clock = [100.0]
    monkeypatch.setattr("tl_keras.training.time_limit.time.monotonic", lambda: clock[0])

    class Source:
        labels = range(10)

    limit = Deadline(1.0)
    assert limit.allows(1000, Source)  # nothing is known yet
    with limit.measuring(2, Source):
        clock[0] += 20  # 1 s for an image in an epoch
    assert limit.allows(4, Source) and not limit.allows(5, Source)
    assert Deadline(None).allows(10**9, Source)


def with_room(size):
    """Returns `cache_gb` that leaves so many bytes beside the arrays of other tests."""
    return (sum(room_taken().values()) + size + 0.5) / 1e9


def test_the_start_keeps_all_views_of_the_images_that_it_is_fitted_to():
    splits = splits_of(Images(range(40)), Images(range(10)), Images(range(30)))
    for refit, augment, rows in ((True, "flip", 100), (False, "flip", 80), (False, "none", 40)):
        settings = FineTuneSettings(refit=refit, augment=augment).filled()
        assert start_bytes(settings, splits, 1000) == 4000 * rows


FAST = LINEAR | {"epochs": None, "lr": None, "preset": "fast", "refit": True}


@pytest.mark.usefixtures("others_keep_their_room")
def test_room_without_the_features_of_the_start_is_refused_before_the_run(
    encoder, colours, tmp_path, capfd
):
    config = small_config(encoder, colours, tmp_path / "run", **FAST, cache_gb=with_room(1290))
    said = r"room for 1\.3 kB of features of the linear start; .* \(--cache-gb\)"
    with pytest.raises(InputError, match=said):
        train(config)
    assert not (tmp_path / "run").exists()
    assert "Plan" not in capfd.readouterr().err


@pytest.mark.usefixtures("others_keep_their_room")
@pytest.mark.parametrize("room", [1300, 36 * 16 * 16 * 3 + 100])
def test_decoded_images_give_their_room_to_the_features_of_the_start(
    room, encoder, colours, tmp_path, capfd
):
    """There is room for the features alone, or for the images alone."""
    found = []
    for name, cache_gb in (("tight", with_room(room)), ("wide", None)):
        changes = FAST | {"image_size": 16, "cache_gb": cache_gb}  # decoded while checked
        run = train(small_config(encoder, colours, tmp_path / name, **changes))
        found.append(keras.saving.load_model(run / "model.keras").get_weights())
        said = "decodes their files again" in capfd.readouterr().err
        assert said or (name, room) != ("tight", 1300)
        assert not said or name == "tight"
    for one, other in zip(*found, strict=True):
        np.testing.assert_array_equal(one, other)
