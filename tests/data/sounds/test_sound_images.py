import numpy as np
import pytest

from tests.data.images import save, textured
from tests.data.sounds.wave_files import save_chirps, save_tone
from tl_keras.checks import InputError
from tl_keras.data.images import read_checked, read_image, suffix_matches
from tl_keras.data.loading import load_dataset, load_images, load_unsplit
from tl_keras.data.pipelines.augmentation_presets import resolve_augment
from tl_keras.data.pipelines.two_views import resolve_views
from tl_keras.data.sounds.sound_images import SoundImage, Sounds
from tl_keras.data.sounds.waves import read_wave
from tl_keras.settings.check import CheckSettings


def test_the_decoder_of_images_sees_the_spectrogram(tmp_path):
    sound = SoundImage(str(save_tone(tmp_path / "a.wav")), Sounds(1.0, 8000))
    checked = read_checked(sound, (32, 32))
    assert checked.image.shape == (64, 64, 3) and checked.gray
    assert checked.resized.shape == (32, 32, 3)
    assert checked.image[..., 0].max() == 255 and suffix_matches(sound, checked.format)
    np.testing.assert_array_equal(read_image(sound), checked.image)


def test_the_commonest_rate_is_that_of_all(tmp_path):
    rates = (11025, 11025, 8000)
    files = [save_tone(tmp_path / f"{n}.wav", rate=rate) for n, rate in enumerate(rates)]
    assert Sounds().of_files(files).sample_rate == 11025
    assert Sounds(sample_rate=4000).of_files(files).sample_rate == 4000
    high = save_tone(tmp_path / "high.wav", rate=48000)
    assert Sounds().of_files([high]).sample_rate == 16000
    assert Sounds().of_files([tmp_path / "none.wav"]).sample_rate == 16000
    low = save_tone(tmp_path / "low.wav", rate=1000)
    assert Sounds().of_files([low]).sample_rate == 2000


def test_a_wave_to_listen_to_is_short(tmp_path):
    sound = SoundImage(str(save_tone(tmp_path / "a.wav", seconds=9)), Sounds(8.0, 8000))
    (tmp_path / "b.wav").write_bytes(sound.wave())
    rate, samples = read_wave(tmp_path / "b.wav")
    assert rate == 8000 and len(samples) == 5 * 8000


def test_a_folder_of_sounds_is_a_data_set(tmp_path):
    save_chirps(tmp_path / "train", 4)
    save_chirps(tmp_path / "test", 2, seed=6)
    save(tmp_path / "train" / "flat" / "cover.png", textured(0))
    train, val, test, inspection = load_dataset(tmp_path, sounds=Sounds(), image_size=(16, 16))
    assert train.class_names == ("falling", "flat", "peak") and len(test) == 6
    assert len(train) + len(val) == 12 and train.sounds == Sounds(1.0, 8000)
    assert train.is_grayscale and train.decoded((16, 16)).shape[1:] == (16, 16, 3)
    assert inspection.ignored == (str(tmp_path / "train" / "flat" / "cover.png"),)
    assert resolve_augment("auto", train) == "audio" == resolve_augment("auto", train.subset([0]))


def test_two_views_of_sounds_have_their_own_preset():
    asked = {"is_grayscale": True, "image_size": (64, 64)}
    assert resolve_views("auto", **asked, sounds=True) == "audio"
    assert resolve_views("auto", **asked) == "digits"


def test_only_the_same_sound_counts_as_a_repeat(tmp_path):
    save_chirps(tmp_path / "train", 6, names=("flat", "rising"))
    save_chirps(tmp_path / "test", 6, names=("flat", "rising"), seed=6)
    content = (tmp_path / "train" / "flat" / "0.wav").read_bytes()
    (tmp_path / "test" / "flat" / "0.wav").write_bytes(content)
    leaks = load_dataset(tmp_path, sounds=Sounds()).inspection.leaks
    assert [leak.kind for leak in leaks] == ["same"]


def test_bad_sounds_are_named_or_skipped(tmp_path):
    save_chirps(tmp_path, 4)
    (tmp_path / "flat" / "0.wav").write_bytes(b"ID3 and more")
    (tmp_path / "peak" / "1.wav").write_bytes((tmp_path / "peak" / "2.wav").read_bytes()[:-9])
    with pytest.raises(
        InputError, match=r"2 that cannot be read: .*flat/0\.wav: .*an MP3.*cut off"
    ):
        load_dataset(tmp_path, sounds=Sounds())
    assert len(load_dataset(tmp_path, sounds=Sounds(), on_bad_image="skip").inspection.bad) == 2


def test_chirps_are_a_source_by_name():
    chirps, _ = load_unsplit("chirps", sounds=Sounds(0.5))
    assert len(chirps) == 480 and chirps.num_classes == 8 and chirps.sounds == Sounds(0.5, 8000)
    assert chirps.load(0).shape == (64, 32, 3)


def test_a_file_of_another_kind_is_refused_in_one_line(tmp_path):
    save_chirps(tmp_path / "sounds", 3)
    for source, sounds, message in (
        ("chirps", None, "received chirps, which are sounds. Give --kind audio"),
        ("digits", Sounds(), "folder of .wav files with kind audio.*received digits"),
        (tmp_path / "sounds", None, "none but 3 sounds, which `tl-keras train --kind audio` takes"),
        (tmp_path / "nothing", Sounds(), "received .*nothing, which is none of these"),
    ):
        with pytest.raises(InputError, match=message):
            load_dataset(source, sounds=sounds)
    save(tmp_path / "a" / "b" / "c.png", textured(0))
    with pytest.raises(InputError, match=r"sounds \(\.wav\)"):
        load_dataset(tmp_path / "a", sounds=Sounds(), require_labels=False)
    assert len(load_images(tmp_path / "sounds", sounds=Sounds())[0]) == 9


def test_settings_of_sounds_need_the_kind():
    with pytest.raises(InputError, match=r"clip_seconds only with kind='audio'"):
        CheckSettings(data="x", clip_seconds=2.0)
    asked = Sounds.asked(CheckSettings(data="x", kind="audio", sample_rate=4000))
    assert asked == Sounds(1.0, 4000) and Sounds.asked(CheckSettings(data="x")) is None
