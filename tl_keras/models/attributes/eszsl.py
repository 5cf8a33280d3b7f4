"""ESZSL in closed form."""

import itertools

import numpy as np

from tl_keras.models.attributes.described import DescribedClassifier, LinearScores

_OF_FEATURES = (100.0, 10.0, 1.0, 0.1, 0.01)
_OF_DESCRIPTIONS = (10.0, 1.0, 0.1, 0.01)


class ESZSL(DescribedClassifier):
    """Embarrassingly simple zero-shot learning: one matrix V between features and descriptions.

    With features X (n, d), descriptions S (classes, a) and Y = +1 for the class of an image, -1
    for the others, V minimises

        ||X V S' - Y||^2 + gamma ||V S'||^2 + lambda ||X V||^2 + gamma lambda ||V||^2

    and so V = (X'X + gamma I)^-1 X'Y S (S'S + lambda I)^-1. The score of class c is x' V s_c.
    Features are centred and divided by their standard deviation, one for all. Descriptions have
    length 1. gamma is given relative to the number of images, lambda to the mean eigenvalue of S'S.

    Example:
        model = ESZSL(descriptions).fit(features, labels)
        model.predict(new_features, classes=("cat", "truck"))

    Args:
        descriptions: see `DescribedClassifier`.
        strength: (gamma, lambda); None for those of the highest accuracy between seen classes
            that were held out.
        seed: of the classes that are held out. Defaults to 0.

    Reference:
        Romera-Paredes and Torr 2015, "An embarrassingly simple approach to zero-shot learning".
    """

    strengths = tuple(itertools.product(_OF_FEATURES, _OF_DESCRIPTIONS))
    usual_strength = (10.0, 1.0)

    def _prepared(self, features, labels):
        parts = {c: features[labels == c] for c in np.unique(labels)}
        return {
            c: (len(x), (x.T @ x).astype(np.float64), x.sum(axis=0, dtype=np.float64))
            for c, x in parts.items()
        }

    def _solutions(self, prepared, classes, strengths):
        import scipy.linalg

        count, square, total = (sum(prepared[c][i] for c in classes) for i in range(3))
        own = np.stack([prepared[c][2] for c in classes], axis=1)
        targets = 2 * own - total[:, None]  # X'Y, with Y of +1 and -1
        every = self._directions()
        known = every[list(classes)]
        of_features = {}
        for gamma, weight in strengths:
            if gamma not in of_features:
                ridge = square + gamma * count * np.eye(len(square))
                of_features[gamma] = scipy.linalg.solve(ridge, targets, assume_a="pos")
            inner = known.T @ known
            inner += weight * np.trace(inner) / len(inner) * np.eye(len(inner))
            kernel = np.linalg.solve(inner, (of_features[gamma] @ known).T).T
            yield LinearScores(kernel, np.zeros(len(inner)), every.T, np.zeros(len(every)))

    def _directions(self):
        lengths = np.linalg.norm(self.values, axis=1, keepdims=True)
        return self.values / np.maximum(lengths, np.finfo(np.float64).tiny)
