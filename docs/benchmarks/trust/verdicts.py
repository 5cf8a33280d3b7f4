"""Simulates comparisons and counts how often `tl-keras compare` says ahead or behind.

Two methods are equal in the long run, or one is better by 3 or 5 points. Each comparison draws
the difficulty of its images (beta distributed) and those on which the methods differ. It draws the
accuracy too (50-98 %), and its standard deviation over seeds (0-3 points). Writes its section of
docs/benchmarks.md.

    python -m docs.benchmarks verdicts --comparisons 2000
"""

import functools
import itertools

import numpy as np
from scipy.special import stdtrit

from docs.benchmarks.shared.page import machine, replace_section, table_head
from tl_keras.evaluation.statistics.intervals import crossed_difference

SEEDS = (2, 3, 5, 10)
IMAGES = (100, 300, 1_000, 10_000)
EFFECTS = ("none", "each method's own", "the same for both")
DIFFERENCES = (0.03, 0.05)


def add_options(options):
    options.add_argument("--comparisons", type=int, default=2000)


def main(given):
    n = given.comparisons
    equal = {cell: equal_told_apart(*cell, n) for cell in itertools.product(SEEDS, IMAGES, EFFECTS)}
    power = {
        cell: told_apart(*cell[:2], None, n // 5, cell[2])
        for cell in itertools.product(SEEDS, IMAGES, DIFFERENCES)
    }
    replace_section("Verdicts of a comparison", section(equal, power, n))


def equal_told_apart(seeds, images, effect, comparisons):
    """Returns what `told_apart` does; near 5 % from ten times as many, because chance blurs it."""
    told = told_apart(seeds, images, effect, comparisons)
    near = told["ours"] > 0.045
    return told_apart(seeds, images, effect, 10 * comparisons) if near else told


def told_apart(seeds, images, effect, comparisons, difference=0.0):
    """Returns {interval: share of comparisons in which it does not hold zero}.

    Args:
        seeds, images: ints.
        effect: what a seed does to the accuracy, one of `EFFECTS`; None for all in turn.
        comparisons: int.
        difference: of the two methods' true accuracies, 0-1.
    """
    rng = np.random.default_rng([seeds, images, EFFECTS.index(effect) if effect else 3])
    outside = dict.fromkeys(INTERVALS, 0)
    for number in range(comparisons):
        a, b = draw(rng, seeds, images, effect or EFFECTS[number % 3], difference)
        x = a.astype(np.int8) - b
        for name, half_of in INTERVALS.items():
            outside[name] += abs(x.mean()) > half_of(a, b, x)
    return {name: count / comparisons for name, count in outside.items()}


def draw(rng, seeds, images, effect, difference=0.0):
    """Returns the answers of two methods, bool (seeds, images) each."""
    accuracy = rng.uniform(0.5, 0.98 - difference / 2)
    spread = np.exp(rng.uniform(np.log(0.3), np.log(3)))  # small: images are easy or hopeless
    hardness = functools.partial(rng.beta, accuracy * spread, (1 - accuracy) * spread, size=images)
    shared, same = hardness(), rng.random(images) < rng.uniform(0.3, 1)
    deviation = rng.uniform(0, 0.03) * (effect != "none")
    of_seed = rng.normal(scale=deviation, size=seeds)
    answers = []
    for sign in (1, -1):
        probability = np.where(same, shared, hardness())
        if effect == "each method's own":
            of_seed = rng.normal(scale=deviation, size=seeds)
        moved = shift(probability, accuracy, of_seed + sign * difference / 2)
        answers.append(rng.random((seeds, images), dtype=np.float32) < moved)
    return answers


def shift(probability, accuracy, by):
    """Returns probabilities (seeds, images) whose mean is moved by so much in each seed."""
    by = np.clip(by, -accuracy, 1 - accuracy)[:, None]
    share = np.where(by > 0, by / (1 - accuracy), by / accuracy).astype(np.float32)
    probability = probability.astype(np.float32)
    towards = np.where(by > 0, 1 - probability, probability)
    return probability + share * towards


def over_seeds_alone(a, b, x):
    """Half the interval of Student's t over the differences of the seeds."""
    seeds = len(x)
    return stdtrit(seeds - 1, 0.975) * x.mean(axis=1).std(ddof=1) / np.sqrt(seeds)


def by_satterthwaite(a, b, x):
    """Half the interval from the sum of the variances, with one number of degrees for it."""
    seeds, images = x.shape
    squares = x.mean() ** 2 * x.size
    of_seeds = (x.sum(axis=1) ** 2.0).sum() / images - squares
    of_images = (x.sum(axis=0) ** 2.0).sum() / seeds - squares
    rest = np.count_nonzero(x) - squares - of_seeds - of_images
    degrees = np.array([seeds - 1, images - 1, (seeds - 1) * (images - 1)])
    mean_squares = np.array([of_seeds, of_images, rest]) / degrees
    variance = max(mean_squares @ (1, 1, -1), 1e-12)
    freedom = max(1, variance**2 / max((mean_squares**2 / degrees).sum(), 1e-24))
    return stdtrit(freedom, 0.975) * np.sqrt(variance / x.size)


INTERVALS = {
    "ours": lambda a, b, x: crossed_difference(a, b).half,
    "seeds alone": over_seeds_alone,
    "Satterthwaite": by_satterthwaite,
}


def section(equal, power, n):
    """The lines of docs/benchmarks.md."""
    return [
        f"`make benchmark-verdicts`, {machine()}. {n:,} simulated comparisons of two methods for "
        "each number of seeds and of test images and each effect of a seed. Accuracy 50-98 %, its "
        "standard deviation over seeds 0-3 points, difficulty of images beta distributed; on 30 to "
        "100 % of the images both methods find the same difficulty.",
        "",
        "Ahead or behind is said of **equal** methods in so many % (5 at most), the effect of a "
        "seed on the accuracy being none / each method's own / the same for both:",
        "",
        *shares(equal, EFFECTS, ".1f"),
        "",
        f"Where more than 4.5 % came out, the share is from {10 * n:,} comparisons: chance moves "
        f"it by ± {1.96 * error(10 * n):.1f}, the others by ± {1.96 * error(n):.1f}. Highest of "
        f"the {len(equal)} shares, beside two intervals that are not used: "
        + "; ".join(
            f"{name} {100 * max(rates[name] for rates in equal.values()):.1f}" for name in INTERVALS
        )
        + ".",
        "",
        "Where there **is** a difference of 3 / 5 points, it is told in so many % of "
        f"{n // 5:,} comparisons, the effects of seeds mixed:",
        "",
        *shares(power, DIFFERENCES, ".0f"),
    ]


def shares(rates, kinds, form):
    """Lines of the table of `rates` in %: a row for each number of seeds."""
    lines = table_head("seeds", *(f"{images:,} images" for images in IMAGES))
    for seeds in SEEDS:
        cells = [
            " / ".join(f"{100 * rates[seeds, images, kind]['ours']:{form}}" for kind in kinds)
            for images in IMAGES
        ]
        lines.append(f"| {seeds} | {' | '.join(cells)} |")
    return lines


def error(comparisons):
    """The standard error of a share of 5 %, in %."""
    return 100 * np.sqrt(0.05 * 0.95 / comparisons)
