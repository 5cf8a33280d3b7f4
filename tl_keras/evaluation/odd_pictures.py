"""How odd pictures are to an autoencoder or a VAE that was trained on others."""

import numpy as np

from tl_keras.checks import InputError, check_choice, check_number

SCORES = ("auto", "reconstruction", "bound")


def odd_scores(model, pictures, *, score="auto", k=16):
    """Returns a number for each picture that is high for what the model has not learned.

    Args:
        model: trained `Autoencoder` or `VAE`.
        pictures: (n, h, w, c), 0-255, of the size that the model takes.
        score: "reconstruction": mean squared difference between the picture and what the model
                gives back, pixels on a scale from 0 to 1.
            "bound": minus the importance-weighted bound on log p(picture), in nats; of a VAE.
            "auto": the bound of a VAE, the reconstruction of an autoencoder.
        k: int, samples a picture of "bound". Defaults to 16.

    Returns:
        float64 (n,).

    Raises:
        InputError: the model has no such score.
    """
    check_choice("score", score, SCORES)
    check_number("k", k, minimum=1, integer=True)
    if not hasattr(model, "reconstruction_error"):
        raise InputError(
            "Expected an autoencoder or a VAE, which reconstruct pictures; received "
            f"{type(model).__name__}."
        )
    has_bound = hasattr(model, "log_likelihood")
    if score == "bound" and not has_bound:
        raise InputError(
            f"Expected a VAE for score='bound'; received {type(model).__name__}, which gives no "
            "probabilities. Use score='reconstruction'."
        )
    if score == "bound" or (score == "auto" and has_bound):
        return -np.asarray(model.log_likelihood(pictures, k), np.float64)
    return np.asarray(model.reconstruction_error(pictures), np.float64)
