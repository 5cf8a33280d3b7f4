"""The options of every command: each is declared once, as a field of a frozen dataclass.

No TensorFlow. The command line, config.json, the checks, `inspect.signature` of the functions that
train and the pages in docs/commands follow from these declarations.

- options/: declaration of options, and settings from files
- commands: the table of commands, and the option tables of the documentation
- check: `check`
- image_source: options of every command that splits images
- features: options of the commands that compute features and train no network
- whole_model: training all layers: from scratch, distillation, pruning, ...; devices of training
- fine_tune: fine-tuning and the range test of the learning rate
- train: `train` and `lr-find`
- compare: `compare`
- label_free: `pretrain`, `explore`, `generate` and `outliers`
- methods: the table of label-free methods
- finished_runs: `evaluate`, `predict`, `export`, `distill` and `prune`
- few_labels/: options of `few-shot`, `zero-shot` and `recommend`
"""
