"""Penalised logistic regression on features that are too many to be copied."""

import copy
import dataclasses

import numpy as np

from tl_keras.data.array_store import release_pages

_BLOCK = 1024  # rows at once
_MOST = 4096  # rows or dimensions of a matrix whose eigenvectors are found
_ROTATED = 8  # rows are copied into the main directions up to so many for each direction
_ITERATIONS = 500
_LOSS = 1e-9  # relative: the search ends once the loss falls by less
CLOSE, ROUGH = 3e-5, 3e-4  # largest gradients, in scaled directions, at which it ends too


@dataclasses.dataclass(frozen=True, eq=False)
class Solution:
    """Weights of a logistic regression.

    Attributes:
        kernel: float32 (d, num_classes), for features as they are.
        bias: float32 (num_classes,).
        flat: the same in the directions of the search.
        spread: mean of 1 - sum p^2 over the images, with p their probabilities.
        step: `flat` less that of the fit before it.
    """

    kernel: np.ndarray
    bias: np.ndarray
    flat: np.ndarray
    spread: float
    step: np.ndarray


class LogisticRegression:
    """Multinomial logistic regression on the views of images, for many strengths and weights.

    It minimises strength / views * sum_iv w_i * (cross-entropy of image i in view v) + ||W||^2 / 2.
    W are the weights of standardised features; biases have no penalty. With two classes the
    penalty is twice that, as scikit-learn's single column means it. Both have the same solution.

    Large features are never copied: rows are read in blocks, mean and scale are folded into the
    weights, and an image is held out by the weight 0. L-BFGS searches in the main directions of
    the features, each scaled by its curvature, which takes a fraction of the steps.

    Args:
        views: float (views, n, d).
        labels: ints (n,).
        mean, scale: float32 (d,), of the standardised features (view - mean) / scale.
    """

    def __init__(self, views, labels, num_classes: int, mean, scale):
        self._views, self._mean, self._scale = views, mean, scale
        self.labels, self.num_classes = labels, num_classes
        self._rows, self._rotated = None, None
        self._blocks = _blocks_of(len(views), len(labels))
        self._basis, self._variances = self._directions()
        if self._basis is not None and len(views) * len(labels) <= _ROTATED * self._basis.shape[1]:
            self._rotated = np.empty((*views.shape[:2], self._basis.shape[1]), np.float32)
            for view, part in self._blocks:
                self._rotated[view, part] = self._standardised(view, part) @ self._basis

    def of(self, rows: np.ndarray) -> "LogisticRegression":
        """Returns the regression on some images alone, ints (m,), sorted."""
        if len(rows) == len(self.labels):
            return self
        some = copy.copy(self)
        some._rows, some.labels = rows, self.labels[rows]
        some._blocks = _blocks_of(len(self._views), len(rows))
        return some

    def fit(
        self,
        strength: float,
        weights: np.ndarray | None = None,
        begun: Solution | None = None,
        *,
        in_a_row: bool = False,
        gradient: float = CLOSE,
    ) -> Solution:
        """Returns the `Solution`.

        Args:
            strength: scikit-learn's C.
            weights: float (m,), of the images; None for 1 each.
            begun: `Solution` of a similar fit, from which the search begins.
            in_a_row: whether the strength is the next of a geometric row, as that of `begun` was:
                the search begins as far behind it again.
            gradient: where it ends. `CLOSE` gives probabilities to about 1e-4 at strengths that
                suit the data, `ROUGH` to 1e-3 in half the time.
        """
        import scipy.optimize

        weights = np.ones(len(self.labels)) if weights is None else weights
        penalty = (2 if self.num_classes == 2 else 1) / (strength * weights.sum())
        spread = 1 - 1 / self.num_classes if begun is None else begun.spread
        curvature = max(spread, 1e-3) / self.num_classes
        # The last row holds the biases.
        steps = np.append(curvature * self._variances + penalty, curvature)[:, None] ** -0.5
        before = np.zeros((len(steps), self.num_classes)) if begun is None else begun.flat
        first = before + begun.step if begun is not None and in_a_row else before
        shares = (weights / (weights.sum() * len(self._views))).astype(np.float32)

        def objective(scaled):
            at = scaled.reshape(first.shape) * steps
            loss, gradient, _ = self._loss(at, shares)
            gradient[:-1] += penalty * at[:-1]
            loss += penalty / 2 * np.square(at[:-1]).sum()
            return loss, (gradient * steps).ravel()

        found = scipy.optimize.minimize(
            objective,
            (first / steps).ravel(),
            jac=True,
            method="L-BFGS-B",
            options={"maxiter": _ITERATIONS, "gtol": gradient, "ftol": _LOSS},
        )
        flat = found.x.reshape(first.shape) * steps
        spread = self._loss(flat, shares)[2]
        return Solution(*self._folded(flat), flat, spread, flat - before)

    def predict(self, solution: Solution) -> np.ndarray:
        """Returns probabilities, means over the views, float32 (m, num_classes)."""
        result = np.zeros((len(self.labels), self.num_classes), np.float32)
        kernel, bias = self._weights(solution.flat)
        for view, part in self._blocks:
            result[part] += _softmax(self._read(view, part) @ kernel + bias) / len(self._views)
        return result

    def _loss(self, flat, shares):
        """(mean loss, gradient, spread) at weights (directions + 1, num_classes)."""
        kernel, bias = self._weights(flat)

        def of_block(block):
            view, part = block
            rows, share, own = self._read(view, part), shares[part], self.labels[part]
            probabilities = _softmax(rows @ kernel + bias)
            every = np.arange(len(own))
            right = np.maximum(probabilities[every, own], np.finfo(np.float32).tiny)
            loss = -(np.log(right, dtype=np.float64) @ share)
            spread = share @ (1 - np.square(probabilities).sum(axis=1))
            probabilities[every, own] -= 1
            errors = probabilities * share[:, None]
            return loss, rows.T @ errors, errors.sum(axis=0, dtype=np.float64), float(spread)

        parts = zip(*map(of_block, self._blocks), strict=True)
        loss, products, errors, spread = map(sum, parts)
        return loss, np.vstack([self._in_directions(products, errors), errors]), spread

    def _directions(self):
        """Eigenvectors (d, r) of the features' second moments, and their eigenvalues (r,).

        (None, ones) where the features have more dimensions, and images, than can be done.
        """
        dimensions = len(self._mean)
        rows = np.concatenate([self._standardised(*block) for block in self._some_blocks()])
        if dimensions <= min(_MOST, len(rows)):
            values, vectors = np.linalg.eigh(rows.T @ rows / len(rows))
            return vectors, np.maximum(values, 0)
        if len(self._views) * len(self.labels) > len(rows):
            return None, np.ones(dimensions)
        values, vectors = np.linalg.eigh(rows @ rows.T / len(rows))
        kept = values > 1e-6 * values[-1]
        values, vectors = values[kept], vectors[:, kept]
        return rows.T @ (vectors / np.sqrt(values * len(rows))), values

    def _some_blocks(self):
        """Blocks of at most so many rows as matter for the main directions, spread evenly."""
        most = max(_MOST // _BLOCK, 1)
        return self._blocks[:: -(-len(self._blocks) // most)]

    def _standardised(self, view, part):
        return (self._block(view, part) - self._mean) / self._scale

    def _block(self, view, part):
        """Rows as they are."""
        index = part if self._rows is None else self._rows[part]
        rows = np.asarray(self._views[view][index], np.float32)
        release_pages(self._views[view])
        return rows

    def _read(self, view, part):
        """Rows as the search sees them."""
        if self._rotated is None:
            return self._block(view, part)
        return self._rotated[view, part if self._rows is None else self._rows[part]]

    def _weights(self, flat):
        """(kernel, bias), float32, for rows as the search sees them."""
        if self._rotated is None:
            return self._folded(flat)
        return flat[:-1].astype(np.float32), flat[-1].astype(np.float32)

    def _folded(self, flat):
        """(kernel, bias), float32, for features as they are."""
        kernel = flat[:-1] if self._basis is None else self._basis @ flat[:-1]
        kernel = kernel / self._scale[:, None]
        bias = flat[-1] - self._mean @ kernel
        return kernel.astype(np.float32), bias.astype(np.float32)

    def _in_directions(self, products, errors):
        """Gradient (directions, num_classes) from products of rows and errors."""
        if self._rotated is not None:
            return products
        products = (products - np.outer(self._mean, errors)) / self._scale[:, None]
        return products if self._basis is None else self._basis.T @ products


def _blocks_of(views, size):
    """[(view, slice of the images)]"""
    starts = range(0, size, _BLOCK)
    return [(v, slice(start, min(start + _BLOCK, size))) for v in range(views) for start in starts]


def _softmax(logits):
    logits -= logits.max(axis=1, keepdims=True)
    np.exp(logits, out=logits)
    logits /= logits.sum(axis=1, keepdims=True)
    return logits
