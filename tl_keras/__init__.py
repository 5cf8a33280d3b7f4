"""Transfer learning and label-free learning for images, on Keras 3 and TensorFlow.

Public names are loaded on first use, so that `import tl_keras` does not load TensorFlow.
"""

import importlib
from typing import Any

from tl_keras.checks import check_backend
from tl_keras.settings.methods import MODEL_MODULES

__version__ = "0.1.0"

_PUBLIC = {
    "ImageDataset": "tl_keras.data.dataset",
    "Splits": "tl_keras.data.dataset",
    "load_dataset": "tl_keras.data.loading",
    "TaskSampler": "tl_keras.data.pipelines.episodes",
    "load_omniglot": "tl_keras.data.sources.omniglot",
    "Sounds": "tl_keras.data.sounds.sound_images",
    "draw_letters": "tl_keras.data.sources.letters",
    "draw_shapes": "tl_keras.data.sources.shapes",
    "shape_descriptions": "tl_keras.data.sources.shapes",
    "held_out_shapes": "tl_keras.data.sources.shapes",
    "ClassDescriptions": "tl_keras.data.sources.class_descriptions",
    "read_descriptions": "tl_keras.data.sources.class_descriptions",
    "AttributeClassifier": "tl_keras.models.attributes.attribute_classifier",
    "ESZSL": "tl_keras.models.attributes.eszsl",
    "CompatibilityModel": "tl_keras.models.attributes.compatibility",
    "fit_compatibility": "tl_keras.training.whole.compatibility",
    "train_described_encoder": "tl_keras.training.whole.described_encoder",
    "build_backbone": "tl_keras.models.backbones.backbone",
    "build_classifier": "tl_keras.models.classifier",
    "replace_head": "tl_keras.models.classifier",
    "classifier_of": "tl_keras.models.answers.answering_model",
    "CNN": "tl_keras.models.baselines.cnn",
    "MLP": "tl_keras.models.baselines.mlp",
    "RNN": "tl_keras.models.baselines.rnn",
    "build_character_resnet": "tl_keras.models.episodic.character_encoders",
    "build_conv4": "tl_keras.models.episodic.character_encoders",
    "build_small_resnet": "tl_keras.models.backbones.small_resnet",
    "list_backbones": "tl_keras.models.backbones.backbone",
    "load_model": "tl_keras.models.saving.saved_models",
    "freeze": "tl_keras.training.frozen.freezing",
    "unfreeze": "tl_keras.training.frozen.freezing",
    "SupportClassifier": "tl_keras.training.few_shot.support_classifier",
    "fine_tune": "tl_keras.training.fine_tuning.fine_tune",
    "average_classifier": "tl_keras.training.averaging",
    "lr_find": "tl_keras.training.lr_find",
    "plot_lr_find": "tl_keras.reports.figures.rate_figures",
    "ImageGrids": "tl_keras.reports.figures.grid_callback",
    "compare": "tl_keras.jobs.compare.compare",
    "fit_from_scratch": "tl_keras.training.whole.from_scratch",
    "EmbeddingWatch": "tl_keras.evaluation.encoders.embedding_watch",
    "extract_features": "tl_keras.evaluation.encoders.probes",
    "linear_probe": "tl_keras.evaluation.encoders.probes",
    "knn_probe": "tl_keras.evaluation.encoders.probes",
    "probe_table": "tl_keras.evaluation.encoders.probe_table",
    "cluster_features": "tl_keras.evaluation.encoders.clusters",
    "first_groups": "tl_keras.evaluation.encoders.groups",
    "fit_sample_classifier": "tl_keras.evaluation.samples.sample_quality",
    "grad_cam": "tl_keras.evaluation.classifiers.grad_cam",
    "evaluate_samples": "tl_keras.evaluation.samples.sample_quality",
    "nearest_images": "tl_keras.evaluation.encoders.distances",
    "fit_without_labels": "tl_keras.training.whole.without_labels",
    "Distiller": "tl_keras.training.whole.distiller",
    "distill": "tl_keras.training.whole.distillation",
    "FixMatch": "tl_keras.training.whole.fix_match",
    "fit_with_pseudo_labels": "tl_keras.training.whole.pseudo_labels",
    "prune": "tl_keras.training.whole.pruning",
    "build_strategy": "tl_keras.training.distribution.strategy",
    "InputError": "tl_keras.checks",
    "DivergedError": "tl_keras.checks",
    "CollapseWarning": "tl_keras.models.gan.collapse",
    **MODEL_MODULES,
}

__all__ = ["__version__", *_PUBLIC]


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module 'tl_keras' has no attribute {name!r}")
    check_backend()
    return getattr(importlib.import_module(_PUBLIC[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
