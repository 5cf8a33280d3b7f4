"""Held-out figures of a pretraining: reconstruction, likelihood, and the quality of samples."""

import numpy as np

from tl_keras.evaluation.encoders.distances import nearest_images
from tl_keras.evaluation.samples.outliers import SCORES, outlier_scores
from tl_keras.evaluation.samples.reconstruction import mean_image_error, pca_error
from tl_keras.evaluation.samples.sample_quality import evaluate_samples, fit_sample_classifier
from tl_keras.jobs.pretrain.episode_results import measure_episodes
from tl_keras.jobs.pretrain.probes import measure_probes
from tl_keras.progress import say
from tl_keras.reports.figures.grid_callback import as_images
from tl_keras.settings.methods import EPISODES
from tl_keras.training.fine_tuning.inputs import random_part

BOUND_SAMPLES = 500
_BOUND_PICTURES = 200
_SAMPLES = 1000
_COMPARED = 200  # samples whose nearest training images are found
_SCORED = 2000  # test images whose scores are kept
_SMALLEST_SIDE = 4  # pixels, of the classifier's images
_FEWEST = 20  # test images for the quality of samples
_BATCH_SIZE = 256
_ACTIVE = 0.01  # variance of the means from which a latent dimension counts as used


def measure_pretrained(config, model, data, encoder):
    """Returns the figures of a trained model.

    Args:
        config: `PretrainSettings`.
        model: trained, from `build_model`.
        data: `PretrainData`.
        encoder: from `encoder_of`.

    Returns:
        dict with:
        - probes: rows of `probe_table`; None without labels.
        - test: reconstruction and likelihood on the test images.
        - samples: see `evaluate_samples`; None without labels.
        - nearest: median distances to the nearest training image, for models with `sample`.
        - episodes: see `measure_episodes`; None for other methods.
        - odd: percentiles 0-100 of the outlier scores of test images, for `tl-keras outliers`.
    """
    figures = {"test": {}, "samples": None, "odd": None, "episodes": None}
    same = data.train.class_names == data.test.class_names  # else they are of other alphabets
    figures["probes"] = measure_probes(encoder, data, config.seed) if same else None
    if config.row.family is EPISODES:
        figures["episodes"] = measure_episodes(model, data, config.seed)
    if hasattr(model, "reconstruct"):
        figures["test"] = _reconstruction(model, data, config.seed)
        figures["odd"] = _odd(model, data, config.seed)
    if hasattr(model, "log_likelihood"):
        figures["test"] |= _likelihood(model, data, config.seed)
    if hasattr(model, "sample"):
        figures["samples"] = _sample_quality(model, data, config.seed)
        figures["nearest"] = _nearest(model, data, config.seed)
    return figures


def _reconstruction(model, data, seed):
    train, test = data.train.images, data.test.images
    return {
        "mse": float(model.reconstruction_error(test).mean()),
        "pca_mse": pca_error(train, test, model.latent_dim, seed=seed),
        "mean_picture_mse": mean_image_error(train, test),
    }


def _likelihood(model, data, seed):
    size = {"image_size": data.image_shape[:2], "channels": data.image_shape[2]}
    batches = data.test.pipeline(_BATCH_SIZE, **size)
    losses = model.evaluate(batches, verbose=0, return_dict=True)
    some = random_part(data.test, _BOUND_PICTURES, seed)
    bounds = model.log_likelihood(some.images, BOUND_SAMPLES, seed=seed)
    means = model.embed(random_part(data.test, _SCORED, seed).images)
    return {
        "negative_elbo": losses["reconstruction_loss"] + losses["kl_loss"],
        "reconstruction_nats": losses["reconstruction_loss"],
        "kl_nats": losses["kl_loss"],
        "bound_nats": -float(bounds.mean()),
        "bound_samples": BOUND_SAMPLES,
        "bound_pictures": len(some),
        "likelihood": model.likelihood,
        "active_numbers": int((means.var(0) > _ACTIVE).sum()),
    }


def _odd(model, data, seed):
    images = random_part(data.test, _SCORED, seed).images
    scores = [s for s in SCORES if s not in ("auto", "bound")]
    scores += ["bound"] if hasattr(model, "log_likelihood") else []
    return {
        score: np.percentile(outlier_scores(model, images, score=score), range(101)).tolist()
        for score in scores
    }


def _sample_quality(model, data, seed):
    """Quality of samples by a small classifier; None without classes or with few images."""
    small = min(data.image_shape[:2]) < _SMALLEST_SIDE or len(data.test) < _FEWEST
    if data.num_classes < 2 or small:
        return None
    say("Training a small classifier on the same images, which measures the samples:")
    count = min(_SAMPLES, len(data.test))
    classifier = fit_sample_classifier(data.train, epochs=_classifier_epochs(data), seed=seed)
    samples = as_images(model.sample(count, seed=seed))
    test = random_part(data.test, count, seed)
    quality = evaluate_samples(samples, data.train.images, classifier, held_out=test.images)
    right = classifier.evaluate(data.test.images, data.test.labels, verbose=0, return_dict=True)
    return {**quality, "classifier_accuracy": right["accuracy"]}


def _nearest(model, data, seed):
    """Median distances of samples and of test images to the nearest training image."""
    made = as_images(model.sample(_COMPARED, seed=seed))
    real = random_part(data.test, _COMPARED, seed).images
    _, of_samples = nearest_images(made, data.train.images)
    _, of_real = nearest_images(real, data.train.images)
    return {
        "samples_median": float(np.median(of_samples)),
        "held_out_median": float(np.median(of_real)),
    }


def _classifier_epochs(data):
    """Three epochs on many images, more on few: some 500 steps."""
    return max(3, min(30, 60_000 // len(data.train)))
