"""Ends training when its time is over."""

import time

import keras


class TimeLimit(keras.callbacks.Callback):
    """Stops `fit` at the end of the epoch in which the time is over; at least one epoch runs.

    Args:
        seconds: from the creation of the object.
        charged: function that returns further seconds to count, spent before by others.
    """

    def __init__(self, seconds, charged=lambda: 0.0):
        super().__init__()
        self._end = time.monotonic() + seconds
        self._charged = charged

    def on_epoch_end(self, epoch, logs=None):
        if time.monotonic() + self._charged() > self._end:
            self.model.stop_training = True
