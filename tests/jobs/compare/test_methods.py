"""Names of methods, and options that none of them uses."""

import pytest

from tl_keras.checks import InputError
from tl_keras.jobs.compare.methods import check_heeded, parse_method
from tl_keras.settings.compare import CompareSettings


@pytest.mark.parametrize(
    ("name", "kind", "network"),
    [
        ("scratch", "scratch", None),
        ("scratch:cnn", "scratch", "cnn"),
        ("scratch:cnn:lenet", "scratch", "cnn:lenet"),
        ("scratch:mobilenet_v2", "scratch", "mobilenet_v2"),
        ("joint", "joint", None),
        ("frozen:resnet50", "frozen", "resnet50"),
        ("simclr", "fine-tune", "simclr"),
        ("fine-tune:vae", "fine-tune", "vae"),
        ("frozen:simclr", "frozen", "simclr"),
    ],
)
def test_a_name_is_a_kind_and_a_network(name, kind, network):
    method = parse_method(name, "vgg16")
    assert (method.name, method.kind, method.network) == (name, kind, network)


def test_transfer_of_a_baseline_is_refused():
    with pytest.raises(InputError, match="received 'frozen:cnn'"):
        parse_method("frozen:cnn", "vgg16")


def test_which_methods_the_comparison_pretrains_for():
    assert parse_method("vae", None).pretraining == "vae"
    assert parse_method("scratch:simclr", None).pretraining == "simclr"
    assert parse_method("frozen:resnet50", None).pretraining is None
    assert parse_method("fine-tune", "vgg16").pretraining is None


def test_a_pretraining_that_reads_labels_is_no_method():
    with pytest.raises(InputError, match="Expected methods to be one of .*received 'supcon'"):
        parse_method("supcon", None)


def test_a_finished_run_is_taken_under_the_name_of_its_own_method_only(tmp_path):
    run = tmp_path / "run"
    run.mkdir()
    (run / "config.json").write_text('{"method": "vae"}')
    method = parse_method(f"vae:{run}", None)
    assert (method.kind, method.network, method.pretraining) == ("fine-tune", str(run), None)
    with pytest.raises(InputError, match=r"--method simclr` after simclr:; .*, one of vae. For"):
        parse_method(f"simclr:{run}", None)
    with pytest.raises(InputError, match=r"received .*nowhere, which is none. For any encoder"):
        parse_method(f"simclr:{tmp_path / 'nowhere'}", None)


@pytest.mark.parametrize(
    ("given", "methods"),
    [
        ({"backbone": "vgg16"}, "scratch:cnn frozen:resnet50"),
        ({"weights": "imagenet"}, "scratch scratch:cnn simclr"),
        ({"weights": "imagenet", "backbone": "runs/pretrained"}, "frozen"),
        ({"head": "linear"}, "scratch:cnn scratch:mlp"),
        ({"image_size": 48}, "scratch:cnn simclr"),
        ({"baseline_size": 24}, "scratch frozen"),
        ({"views": 4}, "scratch scratch:cnn"),
        ({"augment": "none", "views": 4}, "frozen"),
    ],
)
def test_an_option_that_no_method_heeds_is_refused(given, methods):
    name = "weights" if "weights" in given else list(given)[-1]
    methods = [parse_method(method, "vgg16") for method in methods.split()]
    with pytest.raises(
        InputError, match=f"no {name} where it has no effect.*{name}={given[name]!r}"
    ):
        check_heeded(CompareSettings("digits", **given), methods)
    check_heeded(CompareSettings("digits", **given | {name: None}), methods)


def test_an_option_that_one_method_heeds_is_taken():
    methods = [parse_method(name, "vgg16") for name in ("scratch:cnn", "frozen", "simclr")]
    given = {"backbone": "vgg16", "weights": "imagenet", "head": "gap", "image_size": 48}
    given |= {"baseline_size": 24, "views": 2}
    check_heeded(CompareSettings("digits", **given), methods)
