"""Checkpoints of a run, from which it is resumed exactly.

A run is a function of its settings and data: fits one after the other, with work between them that
is computed again. So a resumed run is the same run again. A fit that was recorded as finished gets
its final state back, and the one that was stopped goes on from its last checkpoint.

- decisions: choices that depend on time or free memory, made once and read back by a resumed run
- fitting: one fit of a run, recorded where the run has checkpoints
- recorded_callbacks: callbacks of a recorded fit: when to save, and where a resumed fit begins
- run_checkpoints: the checkpoints of one run: its fits, when they are saved and read back
- state: state of a model, its optimizers, its callbacks and the random numbers
- state_files: files of states, each whole or not at all; a damaged one is left out
- stopping: signals during a fit, which is left at the next batch
"""
