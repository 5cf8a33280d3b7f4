"""Settings of the commands on a finished run: use, export, or a smaller model from it."""

import dataclasses
from typing import Annotated, Literal

from tl_keras.settings.image_source import SIDE, CheckpointSettings, FixSettings
from tl_keras.settings.options.declaration import FIRST, POSITIONAL, Bounds, Checked, Nested
from tl_keras.settings.whole_model import DeviceSettings, DistillSettings, PruneSettings

Student = Literal["cnn:small", "cnn:dropout", "cnn:lenet", "mlp", "rnn:lstm", "rnn:gru"]


@dataclasses.dataclass(frozen=True)
class FinishedRunSettings(Checked):
    """The run folder that a command comes back to."""

    run: Annotated[str, POSITIONAL]
    """Run folder of `tl-keras train`."""


@dataclasses.dataclass(frozen=True)
class EvaluateSettings(FinishedRunSettings, FixSettings):
    """Measures a trained classifier on labelled images."""

    data: Annotated[str | None, FIRST] = None
    """Labelled images with the classes of the run; default: the run's own."""
    split: Annotated[Literal["train", "val", "test", "all"] | None, FIRST] = None
    """Split that is measured; default: test, and all of --data."""
    out: Annotated[str | None, FIRST] = None
    """Also write the figures to this .json file."""
    batch_size: Annotated[int, FIRST, Bounds(minimum=1)] = 32
    """Images per step."""


@dataclasses.dataclass(frozen=True)
class PredictSettings(FinishedRunSettings):
    """Predicts the class of images: label, probability, and the probability of every class."""

    paths: Annotated[tuple[str, ...], POSITIONAL]
    """Image files, and folders that are searched for images, or folders of shards."""
    out: Annotated[str, FIRST] = "predictions.csv"
    """Table with one row per image, .csv."""
    explain: Annotated[bool, FIRST] = False
    """Also write a heatmap of each image: the parts that speak for its label (Grad-CAM)."""
    batch_size: Annotated[int, FIRST, Bounds(minimum=1)] = 32
    """Images per step."""


@dataclasses.dataclass(frozen=True)
class DemoSettings(FinishedRunSettings):
    """Opens a page on this machine that shows what a classifier makes of your image."""

    data: Annotated[str | None, FIRST] = None
    """Place of the training images, if they have moved; the most similar ones are shown."""
    port: Annotated[int | None, FIRST, Bounds(minimum=1, maximum=65535)] = None
    """Port of the page on 127.0.0.1; default: any free one."""


@dataclasses.dataclass(frozen=True)
class ExportSettings(FinishedRunSettings):
    """Writes a trained classifier for use without Keras."""

    format: Annotated[Literal["saved_model", "onnx", "litert"], FIRST] = "saved_model"
    """File format."""
    out: Annotated[str | None, FIRST] = None
    """File or folder to write; default: RUN/export and the format's usual name."""


@dataclasses.dataclass(frozen=True)
class DistillRunSettings(FinishedRunSettings, CheckpointSettings, DeviceSettings, FixSettings):
    """Trains a small network on the predictions of a trained classifier."""

    student: Annotated[Student, FIRST] = "cnn:small"
    """Network that learns."""
    data: Annotated[str | None, FIRST] = None
    """Labelled images with the classes of the run; default: the run's own, split as then."""
    unlabelled: Annotated[str | None, FIRST] = None
    """Images without labels; rest: those that the run's --labels-per-class left out."""
    image_size: Annotated[int | None, FIRST, SIDE] = None
    """Side in pixels for the student; default: that of the images, or 64 for files."""
    out: Annotated[str | None, FIRST] = None
    """Run folder, new, empty or unfinished; default: runs/STUDENT-DATA-TIME."""
    distill: Annotated[DistillSettings, Nested()] = dataclasses.field(
        default_factory=DistillSettings
    )

    def __post_init__(self):
        super().__post_init__()
        self.distill.check_unlabelled(self.unlabelled)


@dataclasses.dataclass(frozen=True)
class PruneRunSettings(FinishedRunSettings, CheckpointSettings, DeviceSettings):
    """Sets the smallest weights of a trained classifier to zero and trains the others on."""

    sparsity: Annotated[float, FIRST, Bounds(above=0, below=1)]
    """Share of the prunable weights that are set to zero."""
    out: Annotated[str | None, FIRST] = None
    """Run folder, new, empty or unfinished; default: runs/RUN-pruned-TIME."""
    prune: Annotated[PruneSettings, Nested()] = dataclasses.field(default_factory=PruneSettings)
