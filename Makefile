# Every verb creates .venv and installs what it needs on first use.
PYTHON ?= python3.11
VENV   ?= .venv
BIN    := $(VENV)/bin
RUN    := $(BIN)/tl-keras

DATA    ?= digits
WEIGHTS ?= auto
EPOCHS  ?=
OUT     ?=
ARGS    ?=
# Test processes; TensorFlow traces graphs on one core, so two halve the time.
WORKERS ?= 2

.PHONY: help install test test-slow lint format docs docs-test notebooks benchmark benchmark-transfer \
        benchmark-baselines benchmark-generative benchmark-likelihood benchmark-gan \
        benchmark-distillation benchmark-pruning benchmark-few-labels \
        benchmark-views benchmark-verdicts benchmark-duplicates benchmark-suite benchmark-shards \
        benchmark-kills benchmark-few-shot benchmark-omniglot benchmark-zero-shot policy-table \
        benchmark-labelling benchmark-suspects benchmark-novelty benchmark-promise \
        benchmark-exports benchmark-grad-cam benchmark-groups clean \
        train-vgg train-resnet train-autoencoder train-vae train-gan train-simclr

help:
	@echo "make train-vgg | train-resnet [DATA=digits WEIGHTS=auto EPOCHS= OUT= ARGS='--head gated']"
	@echo "make train-autoencoder | train-vae | train-gan | train-simclr [DATA=digits EPOCHS= OUT= ARGS='--lr 0.002']"
	@echo "make install | test | test-slow | lint | format | docs | docs-test | notebooks | benchmark | benchmark-transfer | benchmark-baselines | benchmark-generative | benchmark-likelihood | benchmark-gan | benchmark-distillation | benchmark-pruning | benchmark-few-labels | benchmark-views | benchmark-verdicts | benchmark-duplicates | benchmark-suite | benchmark-shards | benchmark-kills | benchmark-few-shot | benchmark-omniglot | benchmark-zero-shot | benchmark-labelling | benchmark-suspects | benchmark-novelty | benchmark-promise | benchmark-exports | benchmark-grad-cam | benchmark-groups | policy-table | clean"

# The stamp is newer than setup.cfg once everything is installed, so a second call does nothing.
install: $(VENV)/.installed
$(VENV)/.installed: setup.cfg
	@command -v $(PYTHON) >/dev/null || { echo "Expected $(PYTHON); set PYTHON=... to a Python 3.11 or newer."; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[test,notebooks,label]"
	@touch $@

train-vgg: BACKBONE = vgg16
train-resnet: BACKBONE = resnet50
train-vgg train-resnet: install
	$(RUN) train --backbone $(BACKBONE) --data "$(DATA)" --weights "$(WEIGHTS)" \
	    $(if $(EPOCHS),--epochs $(EPOCHS)) $(if $(OUT),--out "$(OUT)") $(ARGS)

train-autoencoder: METHOD = autoencoder
train-vae: METHOD = vae
train-gan: METHOD = gan
train-simclr: METHOD = simclr
train-simclr: LIMIT = $(if $(filter digits,$(DATA)),--minutes 1.5)
train-autoencoder train-vae train-gan train-simclr: install
	$(RUN) pretrain --method $(METHOD) --data "$(DATA)" \
	    $(if $(EPOCHS),--epochs $(EPOCHS),$(LIMIT)) $(if $(OUT),--out "$(OUT)") $(ARGS)

test: install
	$(BIN)/python -m pytest -m "not slow" -n $(WORKERS) --dist loadfile $(ARGS)

test-slow: install
	$(BIN)/python -m pytest -m slow --durations 20 $(ARGS)

lint: install
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: install
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: install
	$(BIN)/python -m tl_keras.settings.commands docs/commands

docs-test: install
	$(BIN)/python docs/run_pages.py $(ARGS)

notebooks: install
	$(BIN)/python docs/run_notebooks.py $(ARGS)

benchmark: benchmark-transfer benchmark-baselines benchmark-generative benchmark-gan benchmark-views \
        benchmark-verdicts
benchmark-transfer: install
	$(BIN)/python docs/benchmarks/transfer.py $(ARGS)
benchmark-baselines: install
	$(BIN)/python docs/benchmarks/baselines.py $(ARGS)
benchmark-generative: install
	$(BIN)/python docs/benchmarks/generative.py $(ARGS)
# This one needs MNIST (TL_KERAS_DATA) and half an hour, and is not part of `benchmark`.
benchmark-likelihood: install
	$(BIN)/python docs/benchmarks/likelihood.py $(ARGS)
# MNIST (TL_KERAS_DATA); ARGS='--encoder NAME=RUN' for rows of pretrained encoders.
benchmark-few-labels: install
	$(BIN)/python docs/benchmarks/few_labels.py $(ARGS)
benchmark-gan: install
	$(BIN)/python docs/benchmarks/gan.py $(ARGS)
benchmark-views: install
	$(BIN)/python docs/benchmarks/views.py $(ARGS)
benchmark-verdicts: install
	$(BIN)/python docs/benchmarks/verdicts.py $(ARGS)
benchmark-kills: install
	$(BIN)/python docs/benchmarks/kills.py $(ARGS)
# Real tasks. ARGS='choice --data FOLDER' or 'enough --data FOLDER': `label` and its forecast.
benchmark-labelling: install
	$(BIN)/python docs/benchmarks/labelling.py $(ARGS)
benchmark-suspects: install
	$(BIN)/python docs/benchmarks/suspect_labels.py $(ARGS)
benchmark-novelty: install
	$(BIN)/python docs/benchmarks/novelty.py $(ARGS)
benchmark-promise: install
	$(BIN)/python docs/benchmarks/promised_error.py $(ARGS)
# ARGS='--run RUN' of a run with --max-error; ARGS='FEATURES.npz...' for the groups.
benchmark-exports: install
	$(BIN)/python docs/benchmarks/exports.py $(ARGS)
benchmark-grad-cam: install
	$(BIN)/python docs/benchmarks/grad_cam.py $(ARGS)
benchmark-groups: install
	$(BIN)/python docs/benchmarks/explore_levels.py $(ARGS)
# This one needs ARGS='--vectors FILE.csv', and is not part of `benchmark`.
benchmark-zero-shot: install
	$(BIN)/python docs/benchmarks/zero_shot.py $(ARGS)
# CIFAR-10 and MNIST (TL_KERAS_DATA).
benchmark-duplicates: install
	$(BIN)/python docs/benchmarks/duplicates.py $(ARGS)
# CIFAR-10 (TL_KERAS_DATA); ARGS=--million for a million images as well.
benchmark-shards: install
	$(BIN)/python docs/benchmarks/shards.py $(ARGS)
# Real tasks (TL_KERAS_DATA); ARGS=--pinned for a part of them in under ten minutes.
benchmark-suite: install
	$(BIN)/python docs/benchmarks/suite.py $(ARGS)
# Omniglot, two small files (TL_KERAS_DATA).
benchmark-omniglot: install
	$(BIN)/python docs/benchmarks/omniglot.py $(ARGS)
# The table of `tl-keras recommend` (TL_KERAS_DATA); hours. ARGS='--suite RUNS' reads those of benchmark-suite.
policy-table: install
	$(BIN)/python docs/benchmarks/policy.py --write $(ARGS)
# Cat breeds and the suite (TL_KERAS_DATA): a quarter of an hour of features, kept in ARGS='--out FOLDER'.
benchmark-few-shot: install
	$(BIN)/python docs/benchmarks/few_shot.py $(ARGS)
# These two need real data (TL_KERAS_DATA) and ARGS='--weights FILE', and are not part of `benchmark`.
benchmark-distillation: install
	$(BIN)/python docs/benchmarks/distillation.py $(ARGS)
benchmark-pruning: install
	$(BIN)/python docs/benchmarks/pruning.py $(ARGS)

clean:
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .ruff_cache
