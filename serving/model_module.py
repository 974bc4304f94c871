"""A TensorFlow module around a Keras model."""

from collections.abc import Callable

import tensorflow as tf

from rnnzoo.models.language_model import LanguageModel

__all__ = ["ModelModule"]


class ModelModule(tf.Module):
    """A module that asks a language model.

    Keras's own variables are no tf.Module's: a saver sees the model, writes its variables, and does not find those that
    the graphs read. A module that saves says so itself, and keeps the model where the saver does not look: else all
    would be written twice.

    Args:
        name: of the module.
        model: what is asked.
    """

    def __init__(self, name: str, model: LanguageModel) -> None:
        super().__init__(name=name)
        self._asked: Callable[[], LanguageModel] = lambda: model

    @property
    def _model(self) -> LanguageModel:
        return self._asked()
