"""Check that the encoder of a label-free model can serve as a backbone."""

import numpy as np

from tl_keras import build_classifier, load_model


def check_trains_as_backbone(backbone, rgb, path):
    """Asserts that a classifier on `backbone` takes a training step and can be saved and loaded.

    Args:
        backbone: what `build_classifier` takes.
        rgb: images (n, h, w, 3), n >= 4.
        path: where to write the classifier, .keras.
    """
    classifier = build_classifier(backbone, 4, head="gap", hidden_units=5)
    classifier.compile("adam", "sparse_categorical_crossentropy", run_eagerly=True)
    history = classifier.fit(rgb, np.arange(len(rgb)) % 4, batch_size=len(rgb), verbose=0).history
    assert np.isfinite(history["loss"]).all()
    classifier.save(path)
    np.testing.assert_allclose(load_model(path)(rgb), classifier(rgb), atol=1e-5)
