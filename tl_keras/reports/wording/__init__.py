"""Sentences of the pages and of the command line, as far as the figures support them.

- answers: answers of a model with a promised error
- check: sentences of `check`
- comparison: verdicts of a comparison, as far as the intervals support them
- few_shot: results of a few-shot run
- numbers: plain sentences for numbers
- pretraining: results of a pretraining
- recommendation: sentences of a recommendation
- training: results of a training run
- zero_shot: results of a zero-shot run
- enough: forecasts of the accuracy with more labels
"""
