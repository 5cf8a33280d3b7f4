"""Random numbers that go on after loading where they stopped before saving."""


class SavedSeeds:
    """Puts the states of a model's seed generators into its files; to be named before keras.Model.

    Keras leaves them out, so that a model that was loaded would draw its first noise again.
    """

    seed_names = ()  # of attributes that are `keras.random.SeedGenerator`s

    def save_own_variables(self, store):
        super().save_own_variables(store)
        for name in self.seed_names:
            store[name] = getattr(self, name).state.numpy()

    def load_own_variables(self, store):
        values = {name: store[name] for name in store.keys()}  # noqa: SIM118 (no iterator)
        for name in self.seed_names:
            if name in values:  # not in files of earlier versions
                getattr(self, name).state.assign(values.pop(name))
        super().load_own_variables(values)
