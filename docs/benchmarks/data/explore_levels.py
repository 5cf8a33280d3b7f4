"""Groups that `tl-keras explore` shows first, against classes that it does not see.

    python -m docs.benchmarks explore_levels DATA DATA --others DATA

DATA is a folder with a folder for each class, whose MobileNetV2 features are computed, or a .npz
file with `features` and `labels`. `digits` and `letters` are compared by their pixels. AMI is the
adjusted mutual information with the classes, the best that of the best number of 2 to 40 groups.
"Without it": both constants of the rule are chosen on the other DATA, so that no row helps to
choose its own level; `--others` never help. The silhouette is the rule before.
"""

import itertools
from pathlib import Path

import numpy as np

from docs.benchmarks.shared.page import table_head
from tl_keras.evaluation.encoders import groups
from tl_keras.evaluation.encoders.clusters import adjusted_mutual_information, cluster_features
from tl_keras.evaluation.encoders.feature_space import directions, main_directions
from tl_keras.jobs.features.encoder_features import encoder_features

LEVELS = range(2, groups.MOST_GROUPS + 1)
CLEAR, USUAL = (3.0, 4.0, 5.0, 99.0), (1.0, 1.5, 2.0, 2.5, 3.0)
SILHOUETTES = (2, 3, 4, 5, 6, 8, 10, 12, 16, 20)
FIXED = 10  # groups for all data, to compare with
PIXELS = ("digits", "letters")
COLUMNS = (
    *("data", "images", "classes", "shown first: AMI", "best: AMI", "share of the best"),
    *("without it", "always", "silhouette", "parts: AMI"),
)


def add_options(options):
    options.add_argument("data", nargs="+")
    options.add_argument("--others", nargs="*", default=[])


def main(given):
    rows = [measure(data) for data in given.data]
    lines = list(table(rows, rows))
    if given.others:
        lines += ["", *table([measure(data) for data in given.others], rows)]
    print("\n".join(lines))


def read(data):
    """Returns (features, labels)."""
    if data.endswith(".npz"):
        with np.load(data, allow_pickle=True) as file:
            return file["features"], file["labels"]
    from tl_keras.data.loading import load_unsplit

    images, _ = load_unsplit(data)
    backbone = "pixels" if data in PIXELS else "mobilenet_v2"
    return encoder_features(backbone, images)[0], images.labels


def measure(data):
    """Returns the merges, the agreement at each level, and that of silhouette and parts."""
    features, labels = read(data)
    space = main_directions(directions(features))
    tree = groups.Merges.of(space)
    agreement = {}
    for level in LEVELS:
        if level <= len(space) // 2:
            found = cluster_features(space, level, start=tree.cut(level))
            agreement[level] = adjusted_mutual_information(labels, found.numbers)
    found = groups.group_rows(space)
    parts = found.clusters.numbers * 1000 + found.parts
    return {
        "name": Path(data).stem,
        "images": len(space),
        "classes": len(np.unique(labels)),
        "tree": tree,
        "agreement": agreement,
        "silhouette": by_silhouette(space, tree),
        "parts": len(np.unique(parts)),
        "of_parts": adjusted_mutual_information(labels, parts),
    }


def by_silhouette(space, tree):
    from sklearn.metrics import silhouette_score

    rows = np.random.default_rng(0).permutation(len(space))[:1000]
    scores = {k: silhouette_score(space[rows], tree.cut(k)[rows]) for k in SILHOUETTES}
    return max(scores, key=scores.get)


def chosen(row, clear=groups._CLEAR, usual=groups._USUAL):
    before, groups._CLEAR = groups._CLEAR, clear
    try:
        return groups.choose_level(row["tree"], row["images"], usual)[0]
    finally:
        groups._CLEAR = before


def share(row, level):
    return row["agreement"][level] / max(row["agreement"].values())


def without(row, rows):
    """Returns the level of a row by the constants that are best on the other rows."""
    others = [each for each in rows if each is not row]
    if not others:
        return chosen(row)
    pairs = itertools.product(CLEAR, USUAL)
    best = max(pairs, key=lambda pair: sum(share(each, chosen(each, *pair)) for each in others))
    return chosen(row, *best)


def table(rows, pool):
    """Yields the lines of the table of `rows`; constants are chosen on `pool`."""
    yield from table_head(*COLUMNS)
    shares = []
    for row in rows:
        ami, first = row["agreement"], chosen(row)
        levels = [first, without(row, pool), FIXED, row["silhouette"]]
        shares.append([share(row, level) for level in levels])
        best = max(ami, key=ami.get)
        cells = [row["name"], f"{row['images']:,}", row["classes"], f"{first}: {ami[first]:.3f}"]
        cells += [f"{best}: {ami[best]:.3f}", f"{shares[-1][0]:.0%}"]
        cells += [f"{k}: {each:.0%}" for k, each in zip(levels[1:], shares[-1][1:], strict=True)]
        cells.append(f"{row['parts']}: {row['of_parts']:.3f}")
        yield f"| {' | '.join(map(str, cells))} |"
    means = [f"{each:.1%}" for each in np.mean(shares, axis=0)]
    yield f"| mean | | | | | {' | '.join(means)} | |"
