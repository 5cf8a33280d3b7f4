"""Direct attribute prediction."""

import numpy as np

from tl_keras.models.attributes.described import DescribedClassifier, LinearScores

_LEAST = 0.01  # probability that an attribute has, or has not
_ITERATIONS = 200
_TINY = 1e-6  # variance


class AttributeClassifier(DescribedClassifier):
    """Direct attribute prediction (DAP): attributes of an image, then the class they fit.

    A column of two values is an attribute that a class has or has not. One logistic regression for
    each such attribute gives p(a_m | x), and the posterior of class z with attributes a^z is

        p(z | x) ~ prod_m p(a_m = a_m^z | x) / p(a_m = a_m^z)

    with p(a_m) the share of seen classes that have it. A column of more values, such as one of a
    word vector, is predicted by ridge regression; its factor is a normal density around the
    prediction. An attribute that all seen classes share cannot be learned and is left out.

    Example:
        model = AttributeClassifier(descriptions).fit(features, labels)
        model.predict_attributes(new_features)

    Args:
        descriptions: see `DescribedClassifier`.
        strength: weight of half the squared weights beside the mean loss of an image; None for the
            one of the highest accuracy between seen classes that were held out.
        seed: of the classes that are held out. Defaults to 0.

    Reference:
        Lampert, Nickisch, Harmeling 2014, "Attribute-based classification for zero-shot visual
        object categorization". The normal densities are an addition.
    """

    strengths = (100.0, 10.0, 1.0, 0.1, 0.01, 1e-3, 1e-4)
    usual_strength = 0.01

    def predict_attributes(self, features: np.ndarray) -> np.ndarray:
        """Returns attributes, float (n, columns): a probability, or a value of more than two.

        An attribute that could not be learned is NaN.

        Args:
            features: float (n, d).
        """
        import scipy.special

        self.scores(features)  # checks them
        scaled = (np.asarray(features) - self.mean) / self.deviation
        found = scaled @ self._fitted.between.kernel + self._fitted.between.bias
        columns = _Columns(self.values, np.flatnonzero(self.seen))
        found[:, columns.binary] = scipy.special.expit(found[:, columns.binary])
        real = ~columns.binary
        found[:, real] = found[:, real] * columns.scale[real] + columns.middle[real]
        found[:, ~columns.known] = np.nan
        return found

    def _solutions(self, prepared, classes, strengths):
        features, labels = prepared
        rows = np.isin(labels, classes)
        features, labels = features[rows], labels[rows]
        columns = _Columns(self.values, classes)
        weights = np.zeros((features.shape[1] + 1, len(columns.binary)))
        binary, real = columns.known & columns.binary, columns.known & ~columns.binary
        targets = columns.targets[labels]
        ridge = _Ridge(features, targets[:, real])
        for strength in strengths:
            variance = np.ones(len(binary))
            weights[:, binary] = _logistic(
                features, targets[:, binary], strength, weights[:, binary]
            )
            weights[:, real], variance[real] = ridge.solve(strength)
            yield LinearScores(weights[:-1].copy(), weights[-1].copy(), *columns.evidence(variance))


class _Columns:
    """Columns of descriptions, as they are learned from some classes.

    Attributes:
        binary: bool (columns,), those of two values.
        known: bool (columns,), those that differ between the classes.
        targets: (num_classes, columns), 0 or 1, or standardised values.
    """

    def __init__(self, values, classes):
        lowest, highest = values.min(axis=0), values.max(axis=0)
        self.binary = ((values == lowest) | (values == highest)).all(axis=0)
        own = values[classes]
        self.known = own.min(axis=0) < own.max(axis=0)
        self.middle = np.where(self.binary, lowest, own.mean(axis=0))
        spread = np.where(self.binary, highest - lowest, own.std(axis=0))
        self.scale = np.where(spread > 0, spread, 1.0)
        self.targets = (values - self.middle) / self.scale
        self.shares = np.clip(self.targets[classes].mean(axis=0), _LEAST, 1 - _LEAST)

    def evidence(self, variance):
        """Returns (kernel (columns, num_classes), bias (num_classes,)) from logits to scores."""
        has, has_not = np.log(self.shares), np.log1p(-self.shares)
        prior = self.targets * has + (1 - self.targets) * has_not
        density = np.square(self.targets) / (2 * variance)
        bias = -np.where(self.binary, prior, density)
        kernel = self.targets / np.where(self.binary, 1.0, variance)
        return (kernel * self.known).T, (bias * self.known).sum(axis=1)


def _logistic(features, targets, strength, begun):
    """Weights (d + 1, m) of one logistic regression for each column of targets; biases last."""
    import scipy.optimize
    import scipy.special

    if not targets.shape[1]:
        return begun
    targets = targets.astype(np.float32)

    def objective(flat):
        weights = flat.reshape(begun.shape)
        logits = features @ weights[:-1].astype(np.float32) + weights[-1].astype(np.float32)
        loss = np.mean(np.logaddexp(0, logits) - targets * logits, dtype=np.float64)
        errors = (scipy.special.expit(logits) - targets) / len(features)
        gradient = np.vstack([features.T @ errors, errors.sum(axis=0)]).astype(np.float64)
        gradient[:-1] += strength * weights[:-1]
        loss = loss * targets.shape[1] + strength / 2 * np.square(weights[:-1]).sum()
        return loss, gradient.ravel()

    options = {"maxiter": _ITERATIONS, "gtol": 1e-4, "ftol": 1e-7}
    found = scipy.optimize.minimize(
        objective, begun.ravel(), jac=True, method="L-BFGS-B", options=options
    )
    return found.x.reshape(begun.shape)


class _Ridge:
    """Ridge regression of some columns on features, for many strengths."""

    def __init__(self, features, targets):
        self._features, self._targets = features, targets
        self._mean = features.mean(axis=0, dtype=np.float64)
        self._middle = targets.mean(axis=0)
        if targets.shape[1]:
            centred = features - self._mean.astype(np.float32)
            self._square = (centred.T @ centred / len(centred)).astype(np.float64)
            self._product = centred.T @ (targets - self._middle) / len(centred)

    def solve(self, strength):
        """Weights (d + 1, m), biases last, and the variance (m,) of what is left."""
        if not self._targets.shape[1]:
            return np.zeros((len(self._mean) + 1, 0)), np.zeros(0)
        import scipy.linalg

        ridge = self._square + strength * np.eye(len(self._square))
        kernel = scipy.linalg.solve(ridge, self._product, assume_a="pos")
        bias = self._middle - self._mean @ kernel
        rest = self._targets - self._features @ kernel - bias
        return np.vstack([kernel, bias]), np.maximum(np.square(rest).mean(axis=0), _TINY)
