"""Reconstruction errors of PCA and of the mean image, as baselines of an autoencoder."""

import numpy as np

from tl_keras.checks import check_number

_MOST = 20_000  # images used to fit the components


def pca_error(train: np.ndarray, test: np.ndarray, components: int, *, seed: int = 0) -> float:
    """Returns the mean squared error of principal component analysis.

    It is the baseline of an autoencoder with as many dimensions: the optimum of all linear encoders
    and decoders on the training images.

    Args:
        train: images (n, h, w, c), 0-255, used to fit the components; at most 20,000 of them, drawn
            at random.
        test: images (m, h, w, c), 0-255, used to measure the error.
        components: int, at least 1, limited by n and h * w * c.
        seed: int, seed of the draw and of the solver.

    Returns:
        float, for pixels on a scale from 0 to 1.

    Raises:
        InputError: `components` is below 1.
    """
    from sklearn.decomposition import PCA

    check_number("components", components, minimum=1, integer=True)
    if len(train) > _MOST:
        rows = np.random.default_rng(seed).permutation(len(train))[:_MOST]
        train = train[np.sort(rows)]
    train, test = (_rows(x) for x in (train, test))
    pca = PCA(min(components, *train.shape), random_state=seed).fit(train)
    restored = pca.inverse_transform(pca.transform(test))
    return float(np.mean(np.square(restored - test)))


def mean_image_error(train: np.ndarray, test: np.ndarray) -> float:
    """Returns the mean squared error of predicting the mean of `train` for each image of `test`.

    Args:
        train, test: images (n, h, w, c), 0-255.

    Returns:
        float, for pixels on a scale from 0 to 1.
    """
    mean = _rows(train).mean(0, dtype=np.float64)
    return float(np.mean(np.square(_rows(test) - mean)))


def _rows(images):
    return np.asarray(images, np.float32).reshape(len(images), -1) / 255.0
