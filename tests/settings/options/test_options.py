"""Every option of the commands beside `train` reaches its setting; no job runs."""

import pytest

from tl_keras.settings.compare import CompareSettings
from tl_keras.settings.finished_runs import DistillRunSettings, PruneRunSettings
from tl_keras.settings.label_free import GenerateSettings, OutliersSettings, PretrainSettings
from tl_keras.settings.whole_model import DistillSettings, PruneSettings

SOUNDS = {"kind": "audio", "clip_seconds": 2.0, "sample_rate": 4000}
DEVICES = {"strategy": "mirrored", "devices": 2, "precision": "mixed_bfloat16"}


def test_every_option_of_compare_reaches_its_setting(run_cli, monkeypatch):
    from tl_keras.jobs.compare import compare

    asked = []
    monkeypatch.setattr(compare, "compare", asked.append)
    values = {
        "seeds": 5, "backbone": "vgg16", "weights": "random", "head": "linear", "image_size": 48,
        "baseline_size": 24, "epochs": 7, "seconds": 9.0, "augment": "flip", "views": 2,
        "source_data": "mnist", "test_images": 100, "seed": 3, "on_bad_image": "skip",
        "fixes": "fixes.csv", "group_by": "none",
        "pretrain_epochs": 8, "pretrain_minutes": 1.5, "out": "runs/x", "checkpoint_minutes": 2.0,
        **DEVICES, **SOUNDS,
    }  # fmt: skip
    options = [f"--{k.replace('_', '-')}={v}" for k, v in values.items()]
    words = ("--methods", "joint, simclr", "--labels-per-class", "50,10", "--split", "0.6,0.2,0.2")
    assert run_cli("compare", "--data", "digits", *options, *words)[0] == 0
    values |= {
        "methods": ("joint", "simclr"), "labels_per_class": (10, 50), "split": (0.6, 0.2, 0.2),
    }  # fmt: skip
    assert asked == [CompareSettings("digits", **values)]
    assert set(values) | {"data"} == set(CompareSettings.__dataclass_fields__), "no option"


def test_what_is_not_given_to_compare_is_left_to_its_settings(run_cli, monkeypatch):
    from tl_keras.jobs.compare import compare

    asked = []
    monkeypatch.setattr(compare, "compare", asked.append)
    assert run_cli("compare", "--data", "digits")[0] == 0
    assert asked == [CompareSettings("digits")]
    assert asked[0].filled().head == "linear" and asked[0].head is None


PRETRAIN = {
    "autoencoder": {"architecture": "conv", "hidden_units": "9,8", "noise": 0.25},
    "vae": {
        "likelihood": "bernoulli", "binarize": True, "beta": 2.0, "free_bits": 0.5, "kl_warmup": 9,
        "latent_dim": 3,
    },
    "gan": {"loss": "wgan-gp", "conditional": True, "width": 8},
    "simclr": {
        "backbone": "vgg16", "weights": "random", "temperature": 0.3, "projection_units": "9,8",
        "augment": "digits", "minutes": 2.5,
    },
    "maml": {
        "n_way": 7, "k_shot": 2, "n_query": 3, "episodes": 50, "inner_lr": 0.3, "inner_steps": 2,
        "first_order": True, "augment": "characters",
    },
}  # fmt: skip
SHARED = {
    "epochs": 4, "batch_size": 9, "lr": 0.02, "image_size": 48, "seed": 5, "on_bad_image": "skip",
    "on_duplicate": "refuse", "out": "runs/x", "checkpoint_minutes": 2.0,
    "fixes": "fixes.csv", "group_by": "none",
    **DEVICES, **SOUNDS,
}  # fmt: skip


@pytest.mark.parametrize("method", PRETRAIN)
def test_every_option_of_pretrain_reaches_its_setting(method, run_cli, monkeypatch):
    from tl_keras.jobs.pretrain import pretrain

    asked = []
    monkeypatch.setattr(pretrain, "pretrain", asked.append)
    values = PRETRAIN[method] | SHARED
    if method not in ("simclr", "maml"):
        values["grid_every"] = 3
    words = [f"--{k.replace('_', '-')}" + ("" if v is True else f"={v}") for k, v in values.items()]
    words = ("pretrain", "--method", method, "--data", "digits", *words, "--split", "0.6,0.2,0.2")
    assert run_cli(*words)[0] == 0
    widths = {name: (9, 8) for name in ("hidden_units", "projection_units") if name in values}
    assert asked == [PretrainSettings(method, "digits", split=(0.6, 0.2, 0.2), **values | widths)]


def test_objective_of_pretrain_reaches_its_setting(run_cli, monkeypatch):
    from tl_keras.jobs.pretrain import pretrain

    asked = []
    monkeypatch.setattr(pretrain, "pretrain", asked.append)
    words = ("pretrain", "--method", "vae", "--data", "digits")
    assert run_cli(*words, "--objective", "iwae", "--k", "7")[0] == 0
    assert run_cli(*words)[0] == 0
    assert asked == [
        PretrainSettings("vae", "digits", objective="iwae", k=7),
        PretrainSettings("vae", "digits"),
    ]
    tried = {"method", "data", "split", "objective", "k", "grid_every", *SHARED}
    tried = tried.union(*PRETRAIN.values())
    assert tried == set(PretrainSettings.__dataclass_fields__), "a setting has no option"


def test_options_of_generate_and_outliers_reach_their_jobs(run_cli, monkeypatch):
    from tl_keras.jobs import generate, outliers

    asked = []
    for module, name in ((generate, "generate"), (outliers, "outliers")):
        monkeypatch.setattr(module, name, asked.append)
    words = ("--n", "9", "--interpolate", "--labels", "cat, dog", "--seed", "3", "--out", "a.png")
    assert run_cli("generate", "runs/x", *words)[0] == 0
    more = ("--score", "bound", "--n", "5", "--on-bad-image", "skip", "--out", "a.csv")
    assert run_cli("outliers", "runs/x", "pictures/", *more)[0] == 0
    of_generate = {
        "n": 9, "interpolate": True, "labels": ("cat", "dog"), "seed": 3, "out": "a.png",
    }  # fmt: skip
    of_outliers = {"score": "bound", "n": 5, "on_bad_image": "skip", "out": "a.csv"}
    assert asked == [
        GenerateSettings("runs/x", **of_generate),
        OutliersSettings("runs/x", "pictures/", **of_outliers),
    ]


def test_options_of_prune_and_distill_reach_their_jobs(run_cli, monkeypatch):
    from tl_keras.jobs.finished import distill, prune

    asked = []
    for module, name in ((prune, "prune"), (distill, "distill")):
        monkeypatch.setattr(module, name, asked.append)
    words = ("--sparsity", "0.5", "--also", "depthwise", "--also", "last", "--prune-epochs", "2")
    assert run_cli("prune", "runs/x", *words, "--scope", "layer", "--lr", "0.1")[0] == 0
    words = ("--student", "mlp", "--unlabelled", "rest", "--image-size", "8", "--alpha", "0.5")
    devices = [f"--{name}={value}" for name, value in DEVICES.items()]
    assert run_cli("distill", "runs/x", *words, "--epochs", "3", *devices)[0] == 0
    pruned = PruneSettings(also=("depthwise", "last"), prune_epochs=2, scope="layer", lr=0.1)
    distilled = DistillSettings(alpha=0.5, epochs=3)
    student = {
        "student": "mlp",
        "unlabelled": "rest",
        "image_size": 8,
        "distill": distilled,
        **DEVICES,
    }
    assert asked == [
        PruneRunSettings("runs/x", 0.5, prune=pruned),
        DistillRunSettings("runs/x", **student),
    ]
