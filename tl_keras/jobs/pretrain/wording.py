"""Explanations of the figures of a pretraining."""

from tl_keras.jobs.pretrain.probes import verdict
from tl_keras.reports.pages.wording import format_percent
from tl_keras.settings.methods import TWO_VIEWS

_GIVEN_BACK = "mean squared error of reconstruction on {} test pictures, pixels from 0 to 1"


def headline(outcome):
    """Returns (number, what it is, a sentence that compares it), texts."""
    metrics, config = outcome.metrics, outcome.config
    test, count = metrics["test"], metrics["pictures"]["test"]
    if "negative_elbo" in test:
        words = f"nats: negative ELBO on {count} test pictures, lower is better"
        return f"{test['negative_elbo']:.1f}", words, _bound_sentence(test)
    if "mse" in test:
        return f"{test['mse']:.4f}", _GIVEN_BACK.format(count), _against_pca(test, outcome)
    if config.row.family is TWO_VIEWS:
        return _of_features(metrics)
    samples = metrics["samples"]
    if not samples:
        return "", "", "There are no labels to judge the new pictures by: look at them."
    words = "Fréchet distance of new pictures to real ones, lower is better"
    return f"{samples['frechet_distance']:.1f}", words, _floor_sentence(samples)


def learning_texts(history):
    """Paragraphs on the curves of what learned from two views.

    Args:
        history: dict of one list by epoch.
    """
    first, last = (history["embedding_spread"][at] for at in (0, -1))
    texts = [
        f"The spread of the embeddings was {first:.2f} in the first epoch and {last:.2f} in the "
        "last. 1 is evenly over all directions; towards 0 all pictures become the same to the net, "
        "which is called collapse."
    ]
    if "knn_accuracy" in history:
        first, last = (
            [format_percent(history[name][at]) for name in ("knn_accuracy", "linear_accuracy")]
            for at in (0, -1)
        )
        texts.append(
            "With labels, which train nothing, a watched part of the pictures was asked for its "
            f"classes: nearest neighbours were right for {first[0]} after the first epoch and "
            f"{last[0]} after the last, a linear classifier for {first[1]} and {last[1]}."
        )
    return tuple(texts)


def held_out_texts(outcome):
    """Paragraphs on the figures of `held_out_rows`."""
    test = outcome.metrics["test"]
    texts = [_against_pca(test, outcome)]
    if "negative_elbo" in test:
        texts.append(_bound_sentence(test))
    if test.get("likelihood") == "bernoulli" and not outcome.model.binarize:
        texts.append(
            "Grey values were targets of a cross-entropy between black and white, so the nats "
            "compare models on these pictures but are no likelihood. --binarize makes them one."
        )
    return tuple(texts)


def held_out_rows(outcome):
    """(label, value) pairs."""
    test = outcome.metrics["test"]
    rows = [
        ("Mean squared error", f"{test['mse']:.5f}"),
        (f"PCA with {outcome.model.latent_dim} components", f"{test['pca_mse']:.5f}"),
        ("Always the mean picture", f"{test['mean_picture_mse']:.5f}"),
    ]
    if "negative_elbo" in test:
        bound = f"Bound with {test['bound_samples']} samples, {test['bound_pictures']} pictures"
        rows += [
            ("Negative ELBO", f"{test['negative_elbo']:.2f} nats"),
            ("of it reconstruction", f"{test['reconstruction_nats']:.2f} nats"),
            ("of it KL", f"{test['kl_nats']:.2f} nats"),
            (bound, f"{test['bound_nats']:.2f} nats"),
            ("Likelihood", test["likelihood"]),
            ("Numbers in use", f"{test['active_numbers']} of {outcome.model.latent_dim}"),
        ]
    return tuple(rows)


def sample_texts(samples):
    """Paragraphs on the figures of `sample_rows`."""
    return (
        "A small classifier was trained on the training pictures and is right for "
        f"{samples['classifier_accuracy']:.1%} of the test pictures. In its features the new "
        "pictures are compared with the training pictures. “Real” is what as many test pictures "
        "get: no generator can be expected to do better.",
        "The distance is not the “FID”, which needs another network, and compares only with what "
        "this classifier says of as many pictures.",
    )


def sample_rows(samples):
    """Returns (label, value) pairs, with those of real test images."""
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
        ("Pictures compared", f"{samples['num_samples']} new, {floor['num_samples']} real"),
    )


def nearest_text(nearest):
    """Returns whether samples are nearer to training images than test images are."""
    ours, real = nearest["samples_median"], nearest["held_out_median"]
    text = (
        f"From a new picture to the nearest training picture it is {ours:.1f} (median; root of "
        f"the mean squared difference of a pixel, 0-255), from a test picture {real:.1f}. "
    )
    if ours < 0.5 * real:
        return text + "The new ones are much nearer: they may be copies."
    return text + "So the new ones are no copies."


def _of_features(metrics):
    """The headline of what learned from two views."""
    if not metrics["probes"]:
        return "", "", "There are no labels to judge the features by: look at the neighbours."
    probe = metrics["probes"][0]["linear_probe"]
    words = (
        f"of {probe['num_test']} test pictures are told right by a linear classifier on the "
        f"features, with {probe['num_train']} labels"
    )
    return format_percent(probe["accuracy"]), words, verdict(metrics["probes"])


def _against_pca(test, outcome):
    share = test["mse"] / max(test["pca_mse"], 1e-12)
    how = f"{1 - share:.0%} less than" if share < 1 else f"{share - 1:.0%} more than"
    return (
        f"The error is {how} that of principal component analysis with as many numbers "
        f"({outcome.model.latent_dim} a picture), the best that a linear method can do."
    )


def _bound_sentence(test):
    return (
        f"With {test['bound_samples']} importance samples a picture the bound is "
        f"{test['bound_nats']:.1f} nats ({test['bound_pictures']} pictures), which is nearer to "
        "the true value."
    )


def _floor_sentence(samples):
    floor = samples["floor"]["frechet_distance"]
    classes = len(samples["class_shares"])
    return (
        f"Real test pictures, as many, have {floor:.1f}. {samples['classes_covered']} of {classes} "
        f"classes are there; the rarest makes up {samples['smallest_share']:.1%}."
    )
