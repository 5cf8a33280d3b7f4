"""Training: fine-tuning, training of whole models, and the features of frozen parts."""
