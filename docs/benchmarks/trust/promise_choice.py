"""Counts how often `--max-error` holds where validation images also choose the weights.

Classes are Gaussian, and a pool of 2,500 images stands for all that will come. A logistic
regression is the start; three others, on resampled training images, stand for the ends of
fine-tunings, with four points on the line to each. n validation images are drawn from the pool with
replacement, so the error among the answers on the pool is exact. It is above the promise in

    same: the point and the temperature are chosen on the images of the promise;
    temperature: the temperature alone is, and the usual point is kept;
    apart: the point and the temperature are chosen on a third, as `divided` does;
    others: they are chosen on n further images.

    python -m docs.benchmarks promise_choice --draws 2000

A row has the worst of six promised errors: those of the start among its most certain images.
"""

import numpy as np

WAYS = ("same", "temperature", "apart", "others")
PROBLEMS = {"5 classes": (5, 100, 0.25, 100), "10 classes": (10, 60, 0.35, 100)}
TEMPERATURES = np.geomspace(0.3, 3.5, 32)
PRIOR = np.log(TEMPERATURES) ** 2 / (2 * 0.5**2)  # as in `fit_temperature`
POOL, TRIES = 2500, 3
SHARES = (0.3, 0.5, 0.7, 0.8, 0.9, 0.97)  # of the pool, whose error at the start is promised


def add_options(options):
    options.add_argument("--draws", type=int, default=2000)


def main(given):
    print(f"| problem | validation images | {' | '.join(WAYS)} |\n|---|---|{'---|' * len(WAYS)}")
    for name, problem in PROBLEMS.items():
        pool = Pool(*problem)
        for size in (120, 300):
            rates = broken(pool, size, given.draws).max(axis=1)
            print(f"| {name} | {size} | {' | '.join(f'{r:.1%}' for r in rates)} |", flush=True)


class Pool:
    """Outcomes of every classifier, at every temperature, for the images of the pool."""

    def __init__(self, classes, dimensions, spread, train):
        self.random = np.random.default_rng(1)
        means = self.random.normal(size=(classes, dimensions)) * spread
        (x, _), y = self._drawn(means, train)
        views, labels = self._drawn(means, POOL)
        outcomes = [self._outcomes(each, views, labels) for each in self._classifiers(x, y)]
        # (classifiers, temperatures, images); of `plain`, (classifiers, images)
        self.losses, self.certainty, self.right, self.plain = map(
            np.array, zip(*outcomes, strict=True)
        )

    def _drawn(self, means, size):
        """(two views (2, n, d) of each image, labels (n,))"""
        labels = np.arange(size) % len(means)
        base = means[labels] + self.random.normal(size=(size, means.shape[1]))
        return base + 0.5 * self.random.normal(size=(2, *base.shape)), labels

    def _classifiers(self, x, y):
        from tl_keras.training.fine_tuning.from_linear import POINTS, between

        start = regression(x, y, 0.01)
        yield start
        for _ in range(TRIES):
            rows = np.append(self.random.integers(0, len(x), len(x)), np.unique(y, True)[1])
            end = regression(x[rows], y[rows], 0.02)
            yield from (between(start, end, share) for share in POINTS)

    def _outcomes(self, classifier, views, labels):
        from scipy.special import softmax

        from tl_keras.training.temperature import tempered

        raw = softmax(views @ classifier[0] + classifier[1], axis=-1)
        found = [tempered(raw, temperature) for temperature in TEMPERATURES]
        losses = [-np.log(np.maximum(p[np.arange(len(p)), labels], 1e-12)) for p in found]
        certainty = [np.log(p.max(axis=1)) for p in found]
        right = [p.argmax(axis=1) == labels for p in found]
        return losses, certainty, right, raw.mean(axis=0).argmax(axis=1) == labels

    def chosen_on(self, rows):
        """(point, temperature) as `fine_tune` and `calibrate` choose them, and of the usual one."""
        from tl_keras.training.fine_tuning.from_linear import POINTS, USUAL, choose

        losses, usual = self.losses[:, :, rows], 1 + POINTS.index(USUAL)
        best = (losses.sum(axis=-1) + PRIOR).argmin(axis=1)
        at_best = losses[np.arange(len(best)), best]
        point, _ = choose(at_best, usual, right=self.plain[:, rows])
        return (point, best[point]), (usual, best[usual])


def regression(x, y, strength):
    from sklearn.linear_model import LogisticRegression

    fitted = LogisticRegression(C=strength, max_iter=300).fit(x, y)
    return [fitted.coef_.T, fitted.intercept_]


def broken(pool, size, draws):
    """Share of the draws that break each promise, (ways, promises)."""
    errors = risk_of(pool, 0, int(np.abs(TEMPERATURES - 1).argmin()))[1]
    promises = [errors[int(share * POOL)] for share in SHARES]
    result, third = np.zeros((len(WAYS), len(promises))), size // 3
    for _ in range(draws):
        rows, others = pool.random.integers(0, POOL, (2, size))
        same, temperature = pool.chosen_on(rows)
        apart, further = pool.chosen_on(rows[:third])[0], pool.chosen_on(others)[0]
        chosen = ((same, rows), (temperature, rows), (apart, rows[third:]), (further, rows))
        result += [breaks(pool, at, kept, promises) for at, kept in chosen]
    return result / draws


def breaks(pool, at, rows, promises):
    """Tells if the error among the answers on the pool is above each promise, (promises,)."""
    from tl_keras.evaluation.classifiers.selective_error import promised_threshold

    certainty, errors = risk_of(pool, *at)
    found = []
    for promise in promises:
        sure, right = pool.certainty[at][rows], pool.right[at][rows]
        least = promised_threshold(sure, right, promise).least
        answers = 0 if least is None else np.searchsorted(-certainty, -least, side="right")
        found.append(answers > 0 and errors[answers - 1] > promise)
    return found


def risk_of(pool, point, temperature):
    """(certainties of the pool, the highest first; error among the answers down to each)"""
    order = np.argsort(-pool.certainty[point, temperature])
    wrong = np.cumsum(~pool.right[point, temperature][order])
    return pool.certainty[point, temperature][order], wrong / np.arange(1, POOL + 1)
