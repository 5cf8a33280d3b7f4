"""Run folders, written and read back.

- derived_run: A run that is made from another one: its images, in its splits, and a new model
- measuring: figures of a classifier on labelled images
- reading: finished runs and the images of their splits
- replicated: decorator of the jobs that train: devices, number format, and one that writes
- writing: the folder of a run while it is written, and what a stopped run leaves in it
"""
