"""Accuracy of probes on the encoder's features, where there are labels."""

from tl_keras.checks import InputError
from tl_keras.evaluation.encoders.probe_table import probe_table
from tl_keras.progress import say
from tl_keras.training.fine_tuning.inputs import random_part

ENCODER = "encoder"
_LABELLED = 2000  # images that the probes learn from, and as many to test them


def measure_probes(encoder, data, seed):
    """Returns the rows of `probe_table` for an encoder and its controls; None without labels.

    Args:
        encoder: model of encoder.keras.
        data: `PretrainData`.
        seed: int.
    """
    if data.num_classes < 2:
        return None
    say("Probing the features for the classes, beside controls:")
    train, test = (random_part(part, _LABELLED, seed) for part in (data.train, data.test))
    try:
        return probe_table({ENCODER: encoder}, train, test, unlabelled=data.train, seed=seed)
    except InputError as error:  # such as a single class among few images
        say(f"Warning: no probes. {error}")
        return None
