"""The optimizer that a training configuration asks for."""

import keras

from rnnzoo.tuning.training_config import TrainingConfig

__all__ = ["make_optimizer"]

_CLASSES = {"sgd": keras.optimizers.SGD, "adam": keras.optimizers.Adam, "rmsprop": keras.optimizers.RMSprop}


def make_optimizer(training: TrainingConfig) -> keras.optimizers.Optimizer:
    """Keras's optimizer, with the learning rate to start from and the clipping of `training`.

    >>> optimizer = make_optimizer(TrainingConfig(optimizer="adam", clipnorm=1.0, global_clipnorm=None))
    >>> type(optimizer).__name__, optimizer.clipnorm
    ('Adam', 1.0)
    """
    return _CLASSES[training.optimizer](training.rate, **training.clipping)
