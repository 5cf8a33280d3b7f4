"""Finished runs, read back.

- known_images: images that a run knows, as it was trained on them
- pretrained_run: A finished run of `tl-keras pretrain`, read back to make or to judge images
- run_splits: the images of a run's splits, found again by their content
- trained_run: A finished run, read back for evaluation, prediction and export
"""
