"""The folder of a run while it is written.

- disk_room: room on the disk for what a run will save, looked at before it trains
- interruptions: files and messages of a training that stops before its end
- recorded_run: run folder whose fits are recorded, so that a stopped run can be resumed
- run_folder: the folder of one run: locked while in use, each file written whole or not at all
- unmeasured: metrics of a run before its model is measured, and its completion
"""
