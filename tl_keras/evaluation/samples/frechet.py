"""Fréchet distance between two sets of features."""

import numpy as np

from tl_keras.checks import InputError


def frechet_distance(features: np.ndarray, reference: np.ndarray) -> float:
    """Returns the squared Fréchet (2-Wasserstein) distance between Gaussians fitted to two sets.

        |m1 - m2|^2 + tr(S1) + tr(S2) - 2 tr((S1 S2)^(1/2))

    With S = R R' the last trace is the sum of the singular values of R1' R2. R is a symmetric root,
    which also exists for singular covariances and is never complex. The estimate is too high for
    few rows, so compare only results from equal numbers of rows.

    Args:
        features: (n, d), n >= 2.
        reference: (m, d), m >= 2.

    Returns:
        float, at least 0.

    Raises:
        InputError: the shapes do not fit, or numbers are not finite.

    Reference:
        Dowson and Landau 1982, "The Fréchet distance between multivariate normal distributions".
        The "FID" of Heusel et al. 2017, arXiv 1706.08500, is this distance in features of an
        Inception network. In other features the value is different.
    """
    check_features(features, reference, least=2)
    (mean_1, root_1, trace_1), (mean_2, root_2, trace_2) = map(_moments, (features, reference))
    shared = np.linalg.svd(root_1 @ root_2, compute_uv=False).sum()
    return max(float(np.square(mean_1 - mean_2).sum() + trace_1 + trace_2 - 2 * shared), 0.0)


def check_features(features: np.ndarray, reference: np.ndarray, least: int) -> None:
    """Refuses two sets of features that are not finite (n, d) and (m, d), n and m >= `least`."""
    shapes = [np.shape(x) for x in (features, reference)]
    if any(len(s) != 2 or s[0] < least for s in shapes) or shapes[0][1] != shapes[1][1]:
        raise InputError(
            f"Expected features (n, d) and (m, d) with n and m at least {least}; received shapes "
            f"{shapes[0]} and {shapes[1]}."
        )
    if not all(np.isfinite(x).all() for x in (features, reference)):
        raise InputError("Expected finite features; received NaN or infinity.")


def _moments(features):
    """Returns mean, symmetric root and trace of the covariance, in float64."""
    features = np.asarray(features, np.float64)
    covariance = np.atleast_2d(np.cov(features, rowvar=False))
    values, vectors = np.linalg.eigh(covariance)
    root = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    return features.mean(0), root, np.trace(covariance)
