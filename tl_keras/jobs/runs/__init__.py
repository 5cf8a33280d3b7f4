"""Run folders, written and read back.

- derived_run: A run that is made from another one: its images, in its splits, and a new model
- disk_room: room on the disk for what a run will save, looked at before it trains
- encoder_features: features of images from a backbone, an encoder of a run, or pixels
- interruptions: files and messages of a training that stops before its end
- measuring: figures of a classifier on labelled images
- pretrained_run: A finished run of `tl-keras pretrain`, read back to make or to judge images
- recorded_run: run folder whose fits are recorded, so that a stopped run can be resumed
- replicated: decorator of the jobs that train: devices, number format, and one that writes
- run_folder: the folder of one run: locked while in use, each file written whole or not at all
- run_splits: the images of a run's splits, found again by their content
- trained_run: A finished run, read back for evaluation, prediction and export
- unmeasured: metrics of a run before its model is measured, and its completion
"""
