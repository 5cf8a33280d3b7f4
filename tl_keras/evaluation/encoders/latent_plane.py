"""Projection of codes to a plane."""

import numpy as np

from tl_keras.checks import InputError
from tl_keras.one_thread import one_thread

_PERPLEXITY = 30
_FEWEST = 10


def project(codes: np.ndarray, *, method: str = "pca", seed: int = 0) -> tuple[np.ndarray, str]:
    """Projects codes to a plane: two dimensions stay, more are reduced by PCA or t-SNE.

    PCA preserves distances as far as two directions can. t-SNE keeps neighbours together; its
    distances between clusters have no meaning.

    Args:
        codes: float (n, d).
        method: "pca" or "tsne".
        seed: int, seed of t-SNE.

    Returns:
        (float (n, 2), a short description of the axes)

    Raises:
        InputError: `codes` is not (n, d), or there are too few for t-SNE.

    Reference:
        van der Maaten and Hinton 2008, "Visualizing data using t-SNE".
    """
    codes = np.asarray(codes, np.float32)
    if codes.ndim != 2 or not codes.size or (method == "tsne" and len(codes) < _FEWEST):
        raise InputError(
            f"Expected codes (n, d), for t-SNE at least {_FEWEST}; received {codes.shape}."
        )
    if codes.shape[1] == 2 and method == "pca":
        return codes, "the two numbers of the code"
    if method == "tsne":
        return _tsne(codes, seed), "t-SNE of the code"
    centred = codes - codes.mean(0)
    _, values, directions = np.linalg.svd(centred, full_matrices=False)
    shares = np.square(values) / max(float(np.square(values).sum()), 1e-12)
    points = centred @ directions[:2].T
    if points.shape[1] < 2:
        points = np.pad(points, ((0, 0), (0, 1)))
    return points, f"the two main directions of the code, {shares[:2].sum():.0%} of its variance"


def _tsne(codes, seed):
    from sklearn.manifold import TSNE

    perplexity = min(_PERPLEXITY, (len(codes) - 1) / 3)
    with one_thread():
        return TSNE(perplexity=perplexity, init="pca", random_state=seed).fit_transform(codes)
