"""Optimizers whose learning rate falls with the depth of a layer, and their schedules."""

from collections.abc import Sequence
from typing import get_args

import keras
from keras.optimizers.schedules import LearningRateSchedule

from tl_keras.checks import check_choice
from tl_keras.models.keras_private import OwnDecay, decays, variable_index
from tl_keras.settings.whole_model import Optimizer, Schedule
from tl_keras.training.fused_adam import FusedAdam


class LayerwiseRates(OwnDecay):
    """Mixin: multiplies the learning rate of each variable by its own factor.

    Decoupled weight decay goes with that rate: a variable shrinks by rate * factor * weight_decay.
    """

    rate_factors = None  # path of a variable -> factor

    def build(self, variables):
        super().build(variables)
        self._factors = [(self.rate_factors or {}).get(v.path, 1.0) for v in variables]

    def update_step(self, gradient, variable, learning_rate):
        rate = learning_rate * self._factors[variable_index(self, variable)]
        if self.weight_decay and decays(self, variable):
            share = keras.ops.cast(rate * self.weight_decay, variable.dtype)
            self.assign_sub(variable, variable * share)
        super().update_step(gradient, variable, rate)


class MaskedUpdates:
    """Mixin: after each update, weights whose mask is 0 are exactly 0.

    The mask is applied where a variable is updated. So it holds in every step, also if many steps
    run in one call, and on every replica. Momentum and weight decay cannot bring a weight back.
    (Keras applies a variable's constraint outside the update, which replicas do not allow.)
    """

    masked = ()  # the variables that have a mask

    def build(self, variables):
        super().build(variables)
        known = {id(variable) for variable in self.masked}
        self.masks = [
            self.add_variable_from_reference(v, name="mask", initializer="ones")
            if id(v) in known
            else None
            for v in variables
        ]

    def mask_of(self, variable: keras.Variable) -> keras.Variable | None:
        """The mask of a variable, of its shape: 1 where it is free, 0 where it is held at 0."""
        return self.masks[variable_index(self, variable)]

    def update_step(self, gradient, variable, learning_rate):
        super().update_step(gradient, variable, learning_rate)
        mask = self.mask_of(variable)
        if mask is not None:
            self.assign(variable, keras.ops.where(mask > 0, variable, 0.0))


class LayerwiseAdam(LayerwiseRates, keras.optimizers.Adam):
    pass


class LayerwiseSGD(LayerwiseRates, keras.optimizers.SGD):
    pass


class LayerwiseRMSprop(LayerwiseRates, keras.optimizers.RMSprop):
    pass


# Names of the variables that do not decay. Keras searches the whole path of a variable, so that
# without the anchors a layer named "beta_block" would not decay either.
_NOT_DECAYED = r"(^|/)(bias|gamma|beta)(:\d+)?$"

_OPTIMIZERS = {
    "adam": (keras.optimizers.Adam, LayerwiseAdam, {}),
    "sgd": (keras.optimizers.SGD, LayerwiseSGD, {"momentum": 0.9, "nesterov": True}),
    "rmsprop": (keras.optimizers.RMSprop, LayerwiseRMSprop, {}),
}

# Share of the steps that the rate rises, and where it starts and ends as a factor on the highest.
_CYCLES = {"cosine": (0.1, 0.0, 0.0), "one-cycle": (0.3, 1 / 25, 1e-4)}


def build_optimizer(
    name: str,
    learning_rate: float | LearningRateSchedule,
    *,
    rate_factors: dict[str, float] | None = None,
    weight_decay: float | None = None,
    clip_norm: float | None = None,
    fused: bool = False,
    masked: Sequence[keras.Variable] = (),
    epsilon: float | None = None,
) -> keras.Optimizer:
    """Builds a Keras optimizer.

    Args:
        name: "adam", "sgd" (momentum 0.9, Nesterov) or "rmsprop".
        learning_rate: number or schedule.
        rate_factors: dict from a variable's path to the factor on its learning rate; variables
            that are not named have 1.
        weight_decay: decoupled weight decay on kernels, in proportion to the rate of each variable
            (Loshchilov and Hutter 2019, arXiv 1711.05101); None for none.
        clip_norm: highest norm of the gradient of all variables together (Pascanu et al. 2013,
            arXiv 1211.5063); None for no limit.
        fused: whether "adam" without factors may be `FusedAdam`. It is faster with equal results,
            but not of Keras: a model saved with it does not load without this package.
        masked: variables that get a mask, see `MaskedUpdates`.
        epsilon: of "adam" and "rmsprop"; None for Keras's 1e-7.
    """
    plain, layerwise, arguments = _OPTIMIZERS[check_choice("optimizer", name, get_args(Optimizer))]
    if epsilon is not None and name != "sgd":
        arguments = {**arguments, "epsilon": epsilon}
    if fused and name == "adam":
        plain = FusedAdam
    optimizer_class = layerwise if rate_factors else plain
    if masked:
        name = f"Masked{optimizer_class.__name__}"
        optimizer_class = type(name, (MaskedUpdates, optimizer_class), {})
    optimizer = optimizer_class(
        learning_rate=learning_rate,
        weight_decay=weight_decay or None,
        global_clipnorm=clip_norm,
        **arguments,
    )
    optimizer.rate_factors = rate_factors
    optimizer.masked = masked
    if weight_decay:
        optimizer.exclude_from_weight_decay(var_names=[_NOT_DECAYED])
    return optimizer


def build_schedule(
    name: str, learning_rate: float, total_steps: int
) -> float | LearningRateSchedule:
    """Returns a learning rate over `total_steps`, made of Keras's own schedules.

    "cosine" rises from zero over the first tenth of the steps and falls along a cosine to zero.
    "one-cycle" rises from a 25th over the first three tenths and falls to a ten-thousandth. The
    paper's falls in straight lines, and its momentum falls while the rate rises. That is left out
    here: Adam and RMSprop have no momentum that could be scheduled.

    Args:
        name: "cosine", "one-cycle" or "constant".

    Returns:
        A `keras.optimizers.schedules.LearningRateSchedule`; for "constant" the number itself.

    Reference:
        Loshchilov and Hutter 2017, arXiv 1608.03983 (without restarts).
        Smith and Topin 2017, arXiv 1708.07120 (one cycle).
    """
    if check_choice("schedule", name, get_args(Schedule)) == "constant":
        return learning_rate
    warmup, start, end = _CYCLES[name]
    warmup_steps = max(1, round(warmup * total_steps))
    return keras.optimizers.schedules.CosineDecay(
        start * learning_rate,
        decay_steps=max(1, total_steps - warmup_steps),
        alpha=end,
        warmup_target=learning_rate,
        warmup_steps=warmup_steps,
    )


def depth_factors(backbone: keras.Model, top_factor: float, depth_decay: float) -> dict[str, float]:
    """Returns learning-rate factors for a backbone: `top_factor` at its top, falling with depth.

    A layer at relative depth d, 0 at the top and 1 at the bottom, has the factor
    top_factor * depth_decay ** d.

    Args:
        backbone: model whose layers are in order from input to output.
        top_factor: factor on the head's rate for the topmost layer.
        depth_decay: factor of the lowest layer as a part of the top factor; 1 for no decay.

    Returns:
        dict from the path of each variable to its factor.

    Reference:
        Howard and Ruder 2018, arXiv 1801.06146 (discriminative fine-tuning).
    """
    weighted = [layer for layer in backbone.layers if layer.weights]
    deepest = max(1, len(weighted) - 1)
    return {
        variable.path: top_factor * depth_decay ** ((len(weighted) - 1 - index) / deepest)
        for index, layer in enumerate(weighted)
        for variable in layer.weights
    }
