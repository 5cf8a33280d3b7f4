"""Clusters of features, and their agreement with classes."""

import dataclasses

import numpy as np

from tl_keras.checks import InputError, check_number
from tl_keras.one_thread import one_thread

_STARTS = 10


@dataclasses.dataclass(frozen=True)
class Clusters:
    """Clusters of features, the largest first.

    Attributes:
        numbers: int64 (n,), cluster of each row, from 0.
        centres: float32 (num_clusters, d), mean of the rows of each cluster.
        distances: float32 (n,), distance of each row to its centre.
        converged: whether k-means converged.
    """

    numbers: np.ndarray
    centres: np.ndarray
    distances: np.ndarray
    converged: bool = True

    @property
    def sizes(self) -> np.ndarray:
        """int64 (num_clusters,), in descending order."""
        return np.bincount(self.numbers, minlength=len(self.centres))

    def seen_in(self, features: np.ndarray) -> "Clusters":
        """Returns these clusters with centres and distances in other features of the rows."""
        features = check_features(features)
        sums = np.zeros((len(self.centres), features.shape[1]))
        np.add.at(sums, self.numbers, features)
        centres = (sums / np.maximum(self.sizes, 1)[:, None]).astype(np.float32)
        distances = np.linalg.norm(features - centres[self.numbers], axis=1)
        return dataclasses.replace(self, centres=centres, distances=distances)

    def members(self, cluster: int) -> np.ndarray:
        """Returns the rows of a cluster, int64, the nearest to its centre first."""
        rows = np.flatnonzero(self.numbers == cluster)
        return rows[np.argsort(self.distances[rows], kind="stable")]


def cluster_features(
    features: np.ndarray,
    num_clusters: int,
    *,
    starts: int = _STARTS,
    seed: int = 0,
    start: np.ndarray | None = None,
) -> Clusters:
    """Clusters features by k-means: each row belongs to the nearest mean.

    Args:
        features: float (n, d).
        num_clusters: int, 1 to n.
        starts: int, number of random starts (k-means++); the result with the smallest distances is
            kept. Defaults to 10.
        seed: int, seed of the starts.
        start: ints (n,), clusters from 0 whose centres are the only start. If there are fewer of
            them than `num_clusters`, or by default, starts are random.

    Returns:
        `Clusters`.

    Raises:
        InputError: features are not (n, d) and finite, or there are fewer rows than clusters.

    Reference:
        Lloyd 1982; Arthur and Vassilvitskii 2007, "k-means++".
    """
    from sklearn.cluster import KMeans

    features = check_features(features)
    check_number("num_clusters", num_clusters, minimum=1, maximum=len(features), integer=True)
    check_number("starts", starts, minimum=1, integer=True)
    kmeans = KMeans(num_clusters, n_init=starts, random_state=seed)
    if start is not None and len(np.unique(start)) == num_clusters:
        centres = np.stack([features[start == each].mean(0) for each in range(num_clusters)])
        kmeans.set_params(init=centres, n_init=1)
    found = _quietly(kmeans.fit_predict, features)
    order = np.argsort(-np.bincount(found, minlength=num_clusters), kind="stable")
    numbers, centres = np.argsort(order)[found], kmeans.cluster_centers_[order]
    distances = np.linalg.norm(features - centres[numbers], axis=1)
    return Clusters(numbers, centres, distances, kmeans.n_iter_ < kmeans.max_iter)


def purity(labels: np.ndarray, clusters: np.ndarray) -> float:
    """Returns the share of images whose class is the most frequent one of their cluster.

    It is 1 if no cluster mixes classes, and at least the share of the largest class. It rises with
    the number of clusters, up to 1 for as many clusters as images.

    Args:
        labels, clusters: ints (n,), n at least 1.

    Raises:
        InputError: the numbers of labels and of cluster numbers differ.
    """
    return float(_counts(labels, clusters).max(0).sum() / len(labels))


def adjusted_mutual_information(labels: np.ndarray, clusters: np.ndarray) -> float:
    """Returns the agreement of classes and clusters: 1 if identical, 0 on average if random.

        (I - E[I]) / ((H(labels) + H(clusters)) / 2 - E[I])

    I is the mutual information of labels and clusters, H the entropy. E[I] is the mean of I over
    all random clusters of the same sizes, so that many clusters are no advantage. The value is
    negative if worse than random, and 1 if both are constant.

    Args:
        labels, clusters: ints (n,), n at least 1.

    Raises:
        InputError: the numbers of labels and of cluster numbers differ.

    Reference:
        Vinh, Epps and Bailey 2010, "Information theoretic measures for clusterings comparison";
        with the arithmetic mean of both entropies.
    """
    from sklearn.metrics import adjusted_mutual_info_score

    _counts(labels, clusters)  # checks the arguments
    return float(adjusted_mutual_info_score(labels, clusters))


def _counts(labels, clusters):
    """Returns the number of images of each class (row) in each cluster (column)."""
    labels, clusters = np.asarray(labels), np.asarray(clusters)
    if labels.ndim != 1 or labels.shape != clusters.shape or not len(labels):
        raise InputError(
            "Expected a label and a cluster for each image; received shapes "
            f"{labels.shape} and {clusters.shape}."
        )
    rows, columns = (np.unique(x, return_inverse=True)[1] for x in (labels, clusters))
    counts = np.zeros((rows.max() + 1, columns.max() + 1), np.int64)
    np.add.at(counts, (rows, columns), 1)
    return counts


def check_features(features: np.ndarray) -> np.ndarray:
    """Returns float32 (n, d), or raises `InputError` if the features are not finite (n, d)."""
    features = np.asarray(features, np.float32)
    if features.ndim != 2 or not features.size or not np.isfinite(features).all():
        raise InputError(
            f"Expected finite features (n, d), n above 0; received shape {features.shape}."
        )
    return features


def _quietly(function, features):
    """Calls a function without the warning that there are fewer distinct rows than clusters."""
    import warnings

    from sklearn.exceptions import ConvergenceWarning

    with one_thread(), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return function(features)
