"""Wording of the results of a training run."""

import json

from tl_keras.data.dataset import Splits
from tl_keras.evaluation.classifiers.classification import accuracy_interval
from tl_keras.reports.pages.results import TrainingResults
from tl_keras.reports.wording.numbers import difference_sentence, format_duration


def settings_rows(results: TrainingResults) -> list[tuple[str, str]]:
    """Returns the (label, value) pairs of the settings of a run, and what came of them.

    Args:
        results: `TrainingResults`.
    """
    config, metrics = results.config, results.metrics
    height, width = results.image_size
    asked = config.to_json()
    rows = [
        ("Backbone", config.backbone),
        ("Weights", metrics["weights"]["kind"]),
        ("Head", config.head),
        ("Data", config.data),
    ]
    if "unlabelled" in metrics:
        rows.append(("Unlabelled", _unlabelled(config, metrics)))
    rows += [
        ("Images", ", ".join(f"{len(part)} {part.split}" for part in results.splits[:3])),
        ("Image size", f"{height} x {width}"),
        (
            "Phases",
            ", ".join(
                f"{p['name']}: {p['end'] - p['start']} epochs" for p in results.history.phases
            ),
        ),
        ("Kept", _kept(results.history.best_epoch, metrics)),
    ]
    if refit(metrics):
        rows.append(("Last fit", _last_fit(metrics)))
    if averaged(metrics):
        rows.append(("Averaged", _average(metrics)))
    flips = "mean of image and mirror image" if metrics["test_time_flips"] else "plain"
    rows.append(("Prediction", flips))
    if "source" in metrics:
        rows.append(("Source", source_line(metrics["source"])))
    # What is None was left to the fine-tunings above.
    tuning = asked["fine_tune"].items()
    rows += [(name, json.dumps(value)) for name, value in tuning if value is not None]
    if "unlabelled" in metrics:
        pseudo = asked["pseudo_labels"].items()
        rows += [(f"{name}, pseudo-labels", json.dumps(value)) for name, value in pseudo]
    return rows


def copies_in_test(splits: Splits) -> int:
    """Returns the number of test images that are the same as others of train or val, or nearly."""
    others = {*splits.train.ids, *splits.val.ids}
    return len(
        {
            name
            for leak in getattr(splits.inspection, "leaks", ())
            for name, other in ((leak.first, leak.second), (leak.second, leak.first))
            if other in others and name not in others
        }
    )


def source_line(figures: dict) -> str:
    """Returns the accuracy on the source of joint training, after and before it."""
    before = figures["before"]
    was = f"{before['accuracy']:.1%} before" if before else "a new head"
    return f"{figures['test']['accuracy']:.1%} test accuracy on {figures['data']} ({was})"


def refit(metrics: dict) -> bool:
    """Returns whether validation images were trained on in the end."""
    return metrics.get("fine_tuning", {}).get("refit", False)


def scratch_verdict(metrics: dict) -> str:
    """Returns a sentence on transfer and training from scratch; "" without the latter."""
    return _verdict_on(metrics, "from_scratch", "transfer", "the same network from scratch")


def linear_verdict(metrics: dict) -> str:
    """Returns a sentence on the trained model and its linear start; "" without the latter."""
    if "linear_start" not in metrics:
        return ""
    tuning = metrics["fine_tuning"]
    if "unlabelled" in metrics:  # the chosen model has been trained on since
        return _verdict_on(metrics, "linear_start", "the trained model", "its linear start")
    if len(tuning["points"]) == 1:
        return "The model is its linear start: a logistic regression on frozen features."
    if averaged(metrics):
        names = f"the average of {len(averaged(metrics))} networks", "the linear start"
        return _verdict_on(metrics, "linear_start", *names)
    if not tuning["chosen"]:
        return "Fine-tuning did not lower the loss on validation, so the linear start was kept."
    return _verdict_on(metrics, "linear_start", "the fine-tuned model", "its linear start")


def compared_methods(metrics: dict) -> list[dict]:
    """Returns the methods that were compared on the test images, that of the model first.

    Args:
        metrics: content of metrics.json.

    Returns:
        A list of dicts: "name", "accuracy" (0-1), "interval" ((low, high), 0-1) and "note".
    """
    size = metrics["pictures"]["test"]
    trained = [metrics["pictures"][name] for name in ("train", *(["val"] * refit(metrics)))]
    labels = f"{sum(trained)} labelled images"
    rows = {"transfer": (metrics["test"], f"{labels}; log loss {metrics['test']['loss']:.3f}")}
    if "unlabelled" in metrics:
        more = metrics["unlabelled"]
        rows = {
            "with pseudo-labels": (metrics["test"], f"{labels}, {more['pictures']} without labels"),
            "before them": (more["labels_alone"], labels),
        }
    if "from_scratch" in metrics:
        scratch = metrics["from_scratch"]
        rows["the same network from scratch"] = (
            scratch,
            f"{labels}; {scratch['epochs']} epochs of all layers at learning rate "
            f"{scratch['lr']:g}",
        )
    if "linear_start" in metrics:
        linear = metrics["linear_start"]
        rows["the linear start alone"] = (
            linear,
            f"{labels}; log loss {linear['loss']:.3f}, {format_duration(linear['seconds'])}",
        )
    return [
        {
            "name": name,
            "accuracy": figures["accuracy"],
            "interval": accuracy_interval(figures["accuracy"], size),
            "note": note,
        }
        for name, (figures, note) in rows.items()
    ]


def _unlabelled(config, metrics):
    used, left_out = (metrics["unlabelled"][name] for name in ("pictures", "left_out"))
    more = f", without {left_out} that are in val or test" if left_out else ""
    return f"{config.unlabelled}: {used} images{more}"


def averaged(metrics: dict) -> list[dict]:
    """Returns the networks that are averaged, a fine-tuned one first; empty for a single one."""
    return metrics.get("fine_tuning", {}).get("averaged") or []


def _average(metrics):
    points, words = metrics["fine_tuning"]["points"], []
    for network in averaged(metrics):
        point = points[network["point"]]
        end = f"the end of {_fine_tuning(point)}" if network["point"] else "the linear start"
        again = " (without the validation images)" if network.get("refit") is False else ""
        words.append(
            f"{network['proportion']:.0%} {end}{again}, temperature {network['temperature']:.2f}"
        )
    return "; ".join(words)


def _fine_tuning(point):
    """The fine-tuning of a point; a run of long ago has its rate alone."""
    words = [f"learning rate {point['lr']:g}"]
    if point.get("epochs"):
        words.append(f"{point['epochs']} epochs")
    words += ["mixed images"] * bool(point.get("mixup"))
    if point.get("label_smoothing"):
        words.append(f"label smoothing {point['label_smoothing']:g}")
    return f"a fine-tuning ({', '.join(words)})"


def _kept(best_epoch, metrics):
    if averaged(metrics):
        return f"average of {len(averaged(metrics))} networks"
    if "unlabelled" not in metrics and metrics.get("fine_tuning", {}).get("chosen"):
        point = metrics["fine_tuning"]["points"][metrics["fine_tuning"]["chosen"]]
        return (
            f"{point['share']:.0%} of the way from the linear start to the end of "
            f"{_fine_tuning(point)}"
        )
    return "the start" if best_epoch is None else f"epoch {best_epoch + 1}"


def _last_fit(metrics):
    val, size = metrics["val"], metrics["pictures"]["val"]
    return (
        f"the same again with the {size} validation images among the training images; before "
        f"that {val['accuracy']:.1%} of them were right, log loss {val['loss']:.3f}"
    )


def _verdict_on(metrics, other, *names):
    if other not in metrics:
        return ""
    difference, half_width = (metrics[other][k] for k in ("difference", "half_width"))
    return difference_sentence(*names, difference, half_width, metrics["pictures"]["test"])
