"""Random numbers that continue after loading where they stopped before saving."""

from typing import Any


class SavedSeeds:
    """Mixin that saves the states of a model's seed generators; it comes before keras.Model.

    Keras omits them, so that a loaded model would repeat its first noise.
    """

    seed_names = ()  # names of attributes that are `keras.random.SeedGenerator`s

    def save_own_variables(self, store: Any) -> None:
        super().save_own_variables(store)
        for name in self.seed_names:
            store[name] = getattr(self, name).state.numpy()

    def load_own_variables(self, store: Any) -> None:
        values = {name: store[name] for name in store.keys()}  # noqa: SIM118 (no iterator)
        for name in self.seed_names:
            if name in values:  # missing in files of earlier versions
                getattr(self, name).state.assign(values.pop(name))
        super().load_own_variables(values)
