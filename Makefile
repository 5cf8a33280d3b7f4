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

.PHONY: help install test test-slow lint format docs docs-test notebooks benchmark clean \
        train-vgg train-resnet train-autoencoder train-vae train-gan train-simclr

help:
	@echo "make train-vgg | train-resnet [DATA=digits WEIGHTS=auto EPOCHS= OUT= ARGS='--head gated']"
	@echo "make train-autoencoder | train-vae | train-gan | train-simclr [DATA=digits EPOCHS= OUT= ARGS='--lr 0.002']"
	@echo "make install | test | test-slow | lint | format | docs | docs-test | notebooks | clean"
	@echo "make benchmark | benchmark-NAME [ARGS=--help]; names: python -m docs.benchmarks"

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

# Those that need no data of their own and take minutes each.
benchmark: $(addprefix benchmark-,transfer baselines generative gan views verdicts)
benchmark-%: install
	$(BIN)/python -m docs.benchmarks $* $(ARGS)

clean:
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .ruff_cache
