"""Transfer learning and label-free learning for pictures, on Keras 3 and TensorFlow.

Public names are loaded on first use, so that `import tl_keras` does not load TensorFlow.
"""

import importlib

__version__ = "0.1.0"

_PUBLIC = {
    "ImageDataset": "tl_keras.data.dataset",
    "Splits": "tl_keras.data.dataset",
    "load_dataset": "tl_keras.data.sources",
    "draw_letters": "tl_keras.data.letters",
    "build_backbone": "tl_keras.models.backbones",
    "build_classifier": "tl_keras.models.classifier",
    "replace_head": "tl_keras.models.classifier",
    "Autoencoder": "tl_keras.models.autoencoder",
    "CNN": "tl_keras.models.cnn",
    "GAN": "tl_keras.models.gan",
    "MLP": "tl_keras.models.mlp",
    "RNN": "tl_keras.models.rnn",
    "VAE": "tl_keras.models.vae",
    "SimCLR": "tl_keras.models.simclr",
    "SimSiam": "tl_keras.models.simsiam",
    "SupCon": "tl_keras.models.supcon",
    "VICReg": "tl_keras.models.vicreg",
    "build_small_resnet": "tl_keras.models.small_resnet",
    "list_backbones": "tl_keras.models.backbones",
    "load_model": "tl_keras.models.saved_models",
    "freeze": "tl_keras.training.freezing",
    "unfreeze": "tl_keras.training.freezing",
    "fine_tune": "tl_keras.training.fine_tune",
    "lr_find": "tl_keras.training.lr_find",
    "plot_lr_find": "tl_keras.reports.rate_figures",
    "PictureGrids": "tl_keras.reports.grid_callback",
    "compare": "tl_keras.jobs.compare",
    "fit_from_scratch": "tl_keras.training.from_scratch",
    "EmbeddingWatch": "tl_keras.evaluation.embedding_watch",
    "extract_features": "tl_keras.evaluation.probes",
    "linear_probe": "tl_keras.evaluation.probes",
    "knn_probe": "tl_keras.evaluation.probes",
    "probe_table": "tl_keras.evaluation.probe_table",
    "cluster_features": "tl_keras.evaluation.clusters",
    "fit_sample_classifier": "tl_keras.evaluation.sample_quality",
    "evaluate_samples": "tl_keras.evaluation.sample_quality",
    "nearest_pictures": "tl_keras.evaluation.distances",
    "fit_without_labels": "tl_keras.training.without_labels",
    "Distiller": "tl_keras.training.distiller",
    "distill": "tl_keras.training.distillation",
    "FixMatch": "tl_keras.training.fix_match",
    "fit_with_pseudo_labels": "tl_keras.training.pseudo_labels",
    "prune": "tl_keras.training.pruning",
    "InputError": "tl_keras.checks",
    "DivergedError": "tl_keras.checks",
    "CollapseWarning": "tl_keras.models.collapse",
}

__all__ = ["__version__", *_PUBLIC]


def __getattr__(name):
    if name not in _PUBLIC:
        raise AttributeError(f"module 'tl_keras' has no attribute {name!r}")
    return getattr(importlib.import_module(_PUBLIC[name]), name)


def __dir__():
    return sorted(__all__)
