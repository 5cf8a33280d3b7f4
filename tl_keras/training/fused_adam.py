"""Adam in one pass over each variable."""

import keras
import tensorflow as tf

from tl_keras.models.keras_private import adam_moments


class FusedAdam(keras.optimizers.Adam):
    """`keras.optimizers.Adam` with TensorFlow's fused update.

    Keras's update reads and writes each variable and its two moments in a dozen operations, which
    on a CPU cost the multilayer perceptron 784-512-512-10 a quarter of its step. The fused
    operation computes the same formula, epsilon in the same place, in one.
    """

    def update_step(self, gradient, variable, learning_rate):
        (momentum, velocity), dtype = adam_moments(self, variable), variable.dtype
        step = tf.cast(self.iterations + 1, dtype)
        beta_1, beta_2 = tf.cast(self.beta_1, dtype), tf.cast(self.beta_2, dtype)
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=momentum.handle,
            v=velocity.handle,
            beta1_power=tf.pow(beta_1, step),
            beta2_power=tf.pow(beta_2, step),
            lr=tf.cast(learning_rate, dtype),
            beta1=beta_1,
            beta2=beta_2,
            epsilon=tf.cast(self.epsilon, dtype),
            grad=tf.cast(gradient, dtype),
        )
