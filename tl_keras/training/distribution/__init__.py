"""Training on several replicas: GPUs of one machine, or processes on several machines.

- cluster: the processes that train together, from TF_CONFIG or SLURM, and the wait for all of them
- evaluation: batches to evaluate on that leave no replica without an image
- several_machines: Keras's `fit` made to work on several machines; values that the chief decides
- strategy: the distribution strategy and the number format that a job runs under
"""
