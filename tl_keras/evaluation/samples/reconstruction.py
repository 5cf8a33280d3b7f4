"""How well images are given back from few numbers, beside what a linear method makes of them."""

import numpy as np

from tl_keras.checks import check_number

_MOST = 20_000  # images that the components are fitted to


def pca_error(train, test, components, *, seed=0):
    """Mean squared error of principal component analysis with so many numbers an image.

    The honest baseline of an autoencoder: the best that any linear encoder and decoder can do on
    the images that it is fitted to.

    Args:
        train: images (n, h, w, c), 0-255, that the components are fitted to; of more than
            20,000 so many, drawn at random.
        test: images (m, h, w, c), 0-255, that the error is measured on.
        components: int, at least 1; at most n and h * w * c of them can be used.
        seed: int, of the draw and of the solver.

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


def mean_image_error(train, test):
    """Mean squared error of answering the mean of `train` for each image of `test`.

    Args:
        train, test: images (n, h, w, c), 0-255.

    Returns:
        float, for pixels on a scale from 0 to 1.
    """
    mean = _rows(train).mean(0, dtype=np.float64)
    return float(np.mean(np.square(_rows(test) - mean)))


def _rows(images):
    return np.asarray(images, np.float32).reshape(len(images), -1) / 255.0
