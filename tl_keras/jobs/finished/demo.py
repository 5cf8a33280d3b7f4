"""`tl-keras demo`: a page on this machine that shows what a classifier makes of an image."""

from tl_keras.checks import InputError
from tl_keras.data.images import printable
from tl_keras.jobs.features.kept_features import kept_features
from tl_keras.jobs.finished.image_answers import ImageAnswers
from tl_keras.jobs.runs.reading.run_splits import other_splits, own_splits
from tl_keras.jobs.runs.reading.trained_run import load_run
from tl_keras.progress import say
from tl_keras.reports.served.local_site import add_action, local_site
from tl_keras.reports.served.serving import serve
from tl_keras.settings.finished_runs import DemoSettings
from tl_keras.settings.options.signatures import takes_settings


@takes_settings(DemoSettings)
def demo(settings):
    """Serves a page on which one drops or photographs an image, until it is stopped.

    The page shows the answer, the probabilities, a heatmap of each class, and the three most
    similar training images. Images that are sent stay in memory and are forgotten at once.

    Args:
        settings: `DemoSettings`, or its fields one by one.

    Returns:
        Path of the run.

    Raises:
        InputError: no usable run on images, `data` cannot be used, or Flask is missing.
    """
    serve(demo_site(settings), settings.port)
    return settings.run


def demo_site(settings):
    """Builds the page for `DemoSettings` as a Flask application."""
    trained = load_run(settings.run)
    if trained.sounds:
        raise InputError(
            f"Expected a run on images; received {settings.run}, which classifies sounds. Use "
            "`tl-keras predict`."
        )
    train, contents, missing = _training_images(trained, settings.data)
    features = None if train is None else kept_features(settings.run, train, contents)
    answers = ImageAnswers(trained, train, features)
    notes = [note for note in (answers.no_heatmap, missing) if note]
    title = f"Try {printable(str(trained.path))}"
    site = local_site("demo", title, train, {"notes": notes, "classes": len(trained.class_names)})
    add_action(site, "look", answers.look)
    return site


def _training_images(trained, data):
    """Returns (the run's training images, their content hashes, why there are none or "")."""
    try:
        splits, _ = own_splits(trained, ()) if data is None else other_splits(trained, data)
    except InputError as error:
        if data is not None:
            raise
        missing = f"No similar training images are shown. {error}"
        say(f"{missing} Give their new place with --data.")
        return None, {}, missing
    if not splits.train:
        return None, {}, "No similar training images are shown: none are left."
    return splits.train, dict(splits.inspection.contents), ""
