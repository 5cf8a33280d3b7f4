"""Fine-tuning a classifier, from a linear start or in phases.

- fine_tune: fine-tuning: from a linear start, or in phases, the head first
- from_linear: search for the weights to keep between a linear start and the ends of fine-tunings
- inputs: data to train on, checked, and the settings that they decide
- last_fit: the chosen training again on training and validation images together
- linear_head: linear start of a classifier: its regression, put into its head
- linear_start: logistic regression on frozen features: the start of fine-tuning, and its honest
  opponent
- logistic_regression: penalised logistic regression on features that are too many to be copied
- objectives: terms that fine-tuning may minimise beside the loss on the target's labels
- phases: steps of each phase of training: its loss, its optimizer, its batches, its fit
- source_task: the task that a backbone is to keep while it learns another: joint training's source
- time_plan: estimates time and memory of a training from a linear start from a few measured images
- trainable_part: the part of a model that a phase trains, and what that part reads
"""
