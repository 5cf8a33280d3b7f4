"""Results that the jobs hand over, from which their pages are made."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np

from tl_keras.data.dataset import ImageDataset, Splits
from tl_keras.data.fixes.finding import Finding
from tl_keras.data.inspection.checking import Inspection
from tl_keras.evaluation.classifiers.answers import Answers
from tl_keras.evaluation.classifiers.suspect_labels import SuspectLabels
from tl_keras.evaluation.encoders.findings import Findings
from tl_keras.evaluation.labelling.forecast import Curve, Forecast
from tl_keras.evaluation.policy.advice import Advice
from tl_keras.reports.page_parts.sections import Figure
from tl_keras.settings.check import CheckSettings
from tl_keras.settings.compare import CompareSettings
from tl_keras.settings.few_labels.enough import EnoughSettings
from tl_keras.settings.few_labels.few_shot import FewShotSettings
from tl_keras.settings.few_labels.recommend import RecommendSettings
from tl_keras.settings.few_labels.zero_shot import ZeroShotSettings
from tl_keras.settings.label_free import ExploreSettings, PretrainSettings
from tl_keras.settings.train import TrainSettings
from tl_keras.training.history import TrainingHistory


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class TrainingResults:
    """Results of a training run, from which its page is made.

    Attributes:
        config: settings of the run.
        splits: data of the run.
        image_size: (height, width) of the model's input in pixels.
        history: `TrainingHistory` of the run.
        probabilities: float (n, num_classes) on the test split.
        metrics: content of metrics.json.
        test: result of `evaluate_predictions` on the test split.
        val: the same on the validation split; None if these images were trained on.
        command: command line of the run.
        answers: on the test split; None of a model that does not answer.
        heatmaps: {row of the test split: float (h, w), 0 to 1} of the predicted class.
        no_heatmaps: why there are none, a sentence.
    """

    config: TrainSettings
    splits: Splits
    image_size: tuple[int, int]
    history: TrainingHistory
    probabilities: np.ndarray
    metrics: dict
    test: dict
    val: dict | None = None
    command: str = ""
    answers: Answers | None = None
    heatmaps: Mapping[int, np.ndarray] = dataclasses.field(default_factory=dict)
    no_heatmaps: str = ""


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class PretrainingResults:
    """Results of a pretraining, from which its page is made.

    Attributes:
        config: settings of the run.
        model: the trained model.
        image_shape: (height, width, channels) of its images.
        history: dict of lists by epoch.
        metrics: content of metrics.json.
        figures: {name of a section: its `Figure`s}.
        inspection: result of checking the images.
        warnings: sentences on the training.
    """

    config: PretrainSettings
    model: keras.Model
    image_shape: tuple[int, int, int]
    history: dict[str, list[float]]
    metrics: dict
    figures: Mapping[str, Sequence[Figure]]
    inspection: Inspection | None = None
    warnings: Sequence[str] = ()


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class CheckResults:
    """Results of a check, from which its page is made.

    Attributes:
        config: settings of the run.
        images: all images that can be read.
        names: path of each image below the source, or its row.
        splits: as training would cut them; the inspection has the warnings.
        findings: `Finding`s.
        suspects: `SuspectLabels` of all images.
        source: sentence on the features.
        metrics: content of metrics.json.
    """

    config: CheckSettings
    images: ImageDataset
    names: Sequence[str]
    splits: Splits
    findings: Sequence[Finding]
    suspects: SuspectLabels
    source: str
    metrics: dict


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class ComparisonResults:
    """Results of a comparison, from which its page is made.

    Attributes:
        config: settings of the comparison.
        rows: one dict per run, with the columns of results.csv.
        summary: result of `evaluation.statistics.comparison.summarise`.
        differences: {(method, other): {labels_per_class: `MeanInterval`}}.
        verdicts: texts, the most important first.
        num_test: number of test images.
        val_per_class: least number of validation images of a class.
        baseline_size: side in pixels of the images for MLP, CNN and RNN.
        rates: {method: learning rates that were tried}.
        scratch: methods that trained a backbone from random weights.
        pretrained: {method: facts on the encoder that was pretrained here}.
        warnings: sentences.
    """

    config: CompareSettings
    rows: list[dict[str, Any]]
    summary: list[dict[str, Any]]
    differences: dict
    verdicts: tuple[str, ...]
    num_test: int
    val_per_class: int
    baseline_size: int
    rates: dict[str, tuple[float, ...]]
    scratch: tuple[str, ...] = ()
    pretrained: dict[str, dict] = dataclasses.field(default_factory=dict)
    warnings: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class RecommendResults:
    """Results of `tl-keras recommend`, from which its page is made.

    Attributes:
        config: settings of the run.
        advice: `Advice` for the training images.
        seconds: {strategy: estimated seconds}.
        commands: {strategy: command line}.
        metrics: content of metrics.json.
        inspection: result of checking the images.
    """

    config: RecommendSettings
    advice: Advice
    seconds: dict[str, float]
    commands: dict[str, str]
    metrics: dict
    inspection: Inspection | None


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class EnoughResults:
    """Results of `tl-keras enough`, from which its page is made.

    Attributes:
        config: settings of the run.
        class_names: names of the classes.
        labels: ints (n,), of the labelled images.
        curve: measured `Curve`.
        kind: "random" or "chosen", see `forecast`.
        forecasts: by number of labels, that of today first.
        wanted: index of the number of labels that was asked for.
        needs: float (num_classes,), share of the errors.
        inspection: result of checking the images.
        seconds: of the whole run.
    """

    config: EnoughSettings
    class_names: Sequence[str]
    labels: np.ndarray
    curve: Curve
    kind: str
    forecasts: Sequence[Forecast]
    wanted: int
    needs: np.ndarray
    inspection: Inspection | None
    seconds: float


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class ExploreResults:
    """Results of `tl-keras explore`, from which its page is made.

    Attributes:
        config: settings of the run.
        images: the images.
        findings: `Findings` in them.
        source: a sentence on the source of the features.
        metrics: content of metrics.json.
        inspection: result of checking the images.
    """

    config: ExploreSettings
    images: ImageDataset
    findings: Findings
    source: str
    metrics: dict
    inspection: Inspection | None


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class FewShotResults:
    """Results of `tl-keras few-shot`, from which its page is made.

    Attributes:
        config: settings of the run.
        support: labelled images that the classifier was fitted on.
        queries: `jobs.few_labels.few_shot.queries.Queries`.
        source: a sentence on the source of the features.
        metrics: content of metrics.json.
        inspection: result of checking the support.
    """

    config: FewShotSettings
    support: ImageDataset
    queries: Any
    source: str
    metrics: dict
    inspection: Inspection | None


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class ZeroShotResults:
    """Results of `tl-keras zero-shot`, from which its page is made.

    Attributes:
        config: settings of the run.
        images: `jobs.few_labels.zero_shot.described_images.DescribedImages`.
        found: `jobs.few_labels.zero_shot.figures.ZeroShotPredictions` of the test images.
        source: a sentence on the source of the features.
        metrics: content of metrics.json.
    """

    config: ZeroShotSettings
    images: Any
    found: Any
    source: str
    metrics: dict
