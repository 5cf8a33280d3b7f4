"""The job of `tl-keras train`.

- answering: the model that answers with a promised error, and its figures
- best_rate: training at several learning rates, of which validation chooses
- calibrating: calibrates the probabilities of a trained classifier
- planning: plan of a training run and the time it takes, said before and while it runs
- report: the page and figures of a training run
- scratch: training the classifier that a configuration asks for from random weights
- start_figures: the linear start of a fine-tuning, measured beside the classifier that came of it
- starting_point: classifier before training: ImageNet weights, a file, random numbers or letters
- suited_settings: settings of `fine_tune` that suit the start of a training
- train: the steps of the job
- other_images/: images of a source task, and images without labels
"""
