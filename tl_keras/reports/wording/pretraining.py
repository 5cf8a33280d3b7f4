"""Wording of the results of a pretraining."""

from tl_keras.reports.pages.results import PretrainingResults
from tl_keras.reports.wording.numbers import format_percent
from tl_keras.settings.methods import EPISODES, TWO_VIEWS

_RECONSTRUCTION = "mean squared error of reconstruction on {} test images, pixels from 0 to 1"


def main_result(results: PretrainingResults) -> tuple[str, str, str]:
    """Returns the main number, its description, and a sentence that compares it.

    Args:
        results: `PretrainingResults`.
    """
    metrics, config = results.metrics, results.config
    test, count = metrics["test"], metrics["pictures"]["test"]
    if "negative_elbo" in test:
        words = f"nats: negative ELBO on {count} test images, lower is better"
        return f"{test['negative_elbo']:.1f}", words, _bound_sentence(test)
    if "mse" in test:
        return f"{test['mse']:.4f}", _RECONSTRUCTION.format(count), _against_pca(test, results)
    if config.row.family is TWO_VIEWS:
        return _of_features(metrics)
    if config.row.family is EPISODES:
        return _of_episodes(metrics)
    samples = metrics["samples"]
    if not samples:
        return "", "", "There are no labels to judge the new images by: look at them."
    words = "Fréchet distance of new images to real ones, lower is better"
    return f"{samples['frechet_distance']:.1f}", words, _floor_sentence(samples)


def learning_texts(history: dict[str, list[float]]) -> tuple[str, ...]:
    """Returns paragraphs on the curves of a method that learns from two views.

    Args:
        history: dict of one list by epoch.
    """
    first, last = (history["embedding_spread"][at] for at in (0, -1))
    texts = [
        f"The spread of the embeddings was {first:.2f} in the first epoch and {last:.2f} in the "
        "last. 1 means evenly over all directions. Near 0, all images have the same embedding: the "
        "network has collapsed."
    ]
    if "knn_accuracy" in history:
        first, last = (
            [format_percent(history[name][at]) for name in ("knn_accuracy", "linear_accuracy")]
            for at in (0, -1)
        )
        texts.append(
            "Labels, which are not used for training, measure the classes in the features of some "
            f"images: the accuracy of nearest neighbours was {first[0]} after the first epoch and "
            f"{last[0]} after the last, that of a linear classifier {first[1]} and {last[1]}."
        )
    return tuple(texts)


def held_out_texts(results: PretrainingResults) -> tuple[str, ...]:
    """Returns paragraphs on the figures of `held_out_rows`."""
    test = results.metrics["test"]
    texts = [_against_pca(test, results)]
    if "negative_elbo" in test:
        texts.append(_bound_sentence(test))
    if test.get("likelihood") == "bernoulli" and not results.model.binarize:
        texts.append(
            "Grey values were targets of a cross-entropy between black and white, so the nats "
            "compare models on these images but are no likelihood. --binarize makes them one."
        )
    return tuple(texts)


def held_out_rows(results: PretrainingResults) -> tuple[tuple[str, str], ...]:
    """Returns (label, value) pairs of the figures on the test images.

    Args:
        results: `PretrainingResults`.
    """
    test = results.metrics["test"]
    rows = [
        ("Mean squared error", f"{test['mse']:.5f}"),
        (f"PCA with {results.model.latent_dim} components", f"{test['pca_mse']:.5f}"),
        ("Always the mean image", f"{test['mean_picture_mse']:.5f}"),
    ]
    if "negative_elbo" in test:
        bound = f"Bound with {test['bound_samples']} samples, {test['bound_pictures']} images"
        rows += [
            ("Negative ELBO", f"{test['negative_elbo']:.2f} nats"),
            ("of it reconstruction", f"{test['reconstruction_nats']:.2f} nats"),
            ("of it KL", f"{test['kl_nats']:.2f} nats"),
            (bound, f"{test['bound_nats']:.2f} nats"),
            ("Likelihood", test["likelihood"]),
            ("Dimensions in use", f"{test['active_numbers']} of {results.model.latent_dim}"),
        ]
    return tuple(rows)


def sample_texts(samples: dict) -> tuple[str, ...]:
    """Returns paragraphs on the figures of `sample_rows`."""
    return (
        "A small classifier was trained on the training images; its accuracy on the test images is "
        f"{samples['classifier_accuracy']:.1%}. In its features the new images are compared with "
        "the training images. “Real” is the value for as many test images: no generator can be "
        "expected to do better.",
        "The distance is not the “FID”, which needs another network. It can only be compared with "
        "distances by this classifier for as many images.",
    )


def sample_rows(samples: dict) -> tuple[tuple[str, str], ...]:
    """Returns (label, value) pairs of the quality of samples, with that of real test images.

    Args:
        samples: result of `evaluate_samples`.
    """
    floor = samples["floor"]

    def row(label, name, form):
        return label, f"{samples[name]:{form}}; real: {floor[name]:{form}}"

    classes = len(samples["class_shares"])
    return (
        row("Fréchet distance", "frechet_distance", ".2f"),
        row("Precision (how many look real)", "precision", ".1%"),
        row("Recall (how much of the real is covered)", "recall", ".1%"),
        row(f"Classes covered, of {classes}", "classes_covered", "d"),
        row("Share of the rarest class", "smallest_share", ".1%"),
        ("Images compared", f"{samples['num_samples']} new, {floor['num_samples']} real"),
    )


def nearest_text(nearest: dict) -> str:
    """Returns whether samples are nearer to training images than test images are."""
    ours, real = nearest["samples_median"], nearest["held_out_median"]
    text = (
        f"The distance of a new image to the nearest training image is {ours:.1f} (median; root of "
        f"the mean squared difference of a pixel, 0-255), that of a test image {real:.1f}. "
    )
    if ours < 0.5 * real:
        return text + "The new ones are much nearer: they may be copies."
    return text + "So the new ones are no copies."


def probe_rows(rows: list[dict]) -> list[tuple[str, ...]]:
    """Returns the cells of the table of probes.

    Args:
        rows: result of `probe_table`.
    """
    return [
        (
            row["features"],
            str(row["dimensions"]),
            _accuracy(row["linear_probe"]),
            _accuracy(row["knn_probe"]),
            format_percent(row["purity"]),
            f"{row['ami']:.2f}",
        )
        for row in rows
    ]


def probe_texts(rows: list[dict]) -> tuple[str, ...]:
    """Returns paragraphs on the table of `probe_rows`."""
    probe = rows[0]["linear_probe"]
    return (
        f"Trained with the labels of {probe['num_train']} training images, measured on "
        f"{probe['num_test']} test images. Linear probe: logistic regression on the features. "
        f"Neighbours: a vote of the {rows[0]['knn_probe']['k']} most similar training images. "
        "Purity and AMI (adjusted mutual information, 0 for random clusters and 1 for the "
        "classes): k-means with as many clusters as classes, which sees no label.",
        probe_verdict(rows),
    )


def probe_verdict(rows: list[dict]) -> str:
    """Returns a sentence that compares the encoder with the best of its controls."""
    ours, *controls = ((row["features"], row["linear_probe"]["accuracy"]) for row in rows)
    name, best = max(controls, key=lambda control: control[1])
    points = 100 * (ours[1] - best)
    more = f"{points:.1f} points more than" if points >= 0 else f"{-points:.1f} points less than"
    return (
        f"A linear classifier on the encoder's features is right for {format_percent(ours[1])} of "
        f"the test images, {more} on the best control ({name}, {format_percent(best)})."
    )


def _accuracy(probe):
    low, high = (format_percent(end) for end in probe["interval"])
    return f"{format_percent(probe['accuracy'])} ({low} – {high})"


def _of_features(metrics):
    """Returns the main result of a method that learns from two views."""
    if not metrics["probes"]:
        return "", "", "There are no labels to judge the features by: look at the neighbours."
    probe = metrics["probes"][0]["linear_probe"]
    words = (
        f"accuracy of a linear classifier on the features, with {probe['num_train']} labels, on "
        f"{probe['num_test']} test images"
    )
    return format_percent(probe["accuracy"]), words, probe_verdict(metrics["probes"])


def episodes_verdict(episodes: dict) -> str:
    """Returns a sentence that compares a model with the nearest image by pixels.

    Args:
        episodes: result of `measure_episodes`.
    """
    return (
        f"Of {episodes['n_way']} new classes with one example each, "
        f"{_with_interval(episodes['inductive'])} of the queries are recognised, by the nearest "
        f"image in pixels {_with_interval(episodes['pixels'])}."
    )


def episode_rows(episodes: dict) -> tuple[tuple[str, str], ...]:
    """Returns (label, value) pairs of the accuracy over episodes."""
    return (
        ("Each query by itself (inductive)", _with_interval(episodes["inductive"])),
        ("All queries at once (transductive)", _with_interval(episodes["transductive"])),
        ("Nearest image in pixels", _with_interval(episodes["pixels"])),
        ("Episodes", f"{episodes['count']} of {episodes['n_way']} classes"),
    )


def episode_texts(episodes: dict) -> tuple[str, ...]:
    """Returns paragraphs on the figures of `episode_rows`."""
    unseen = (
        "The classes are of alphabets that were not trained on."
        if episodes["unseen_classes"]
        else "The classes were trained on, with other images."
    )
    return (
        f"An episode shows one test image of each of {episodes['n_way']} classes and asks for the "
        f"class of another. {unseen} Means over episodes, with 95% intervals.",
        "Transductive: batch normalisation has the moments of all queries of an episode, which "
        "tells a model more than it knows of a single query.",
    )


def _of_episodes(metrics):
    episodes = metrics["episodes"]
    if not episodes:
        return "", "", "There are too few test images of a class to judge the model by episodes."
    words = f"accuracy with one example of each of {episodes['n_way']} classes"
    return format_percent(episodes["inductive"][0]), words, episodes_verdict(episodes)


def _with_interval(pair):
    mean, half = pair
    return f"{format_percent(mean)} ± {format_percent(half or 0.0)}"


def _against_pca(test, results):
    share = test["mse"] / max(test["pca_mse"], 1e-12)
    less = f"{1 - share:.0%} less than" if share < 1 else f"{share - 1:.0%} more than"
    return (
        f"The error is {less} that of principal component analysis with as many dimensions "
        f"({results.model.latent_dim}), the best that a linear method can do."
    )


def _bound_sentence(test):
    return (
        f"With {test['bound_samples']} importance samples per image the bound is "
        f"{test['bound_nats']:.1f} nats ({test['bound_pictures']} images), which is nearer to "
        "the true value."
    )


def _floor_sentence(samples):
    floor = samples["floor"]["frechet_distance"]
    classes = len(samples["class_shares"])
    return (
        f"As many real test images have {floor:.1f}. {samples['classes_covered']} of {classes} "
        f"classes are there; the rarest makes up {samples['smallest_share']:.1%}."
    )
