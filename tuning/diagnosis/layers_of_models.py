"""What any Keras model is made of, however its layers lie in one another."""

import keras

from rnnzoo.models.language_model import LanguageModel

__all__ = ["layers_of", "recurrent_layers_of", "words_known"]


def layers_of(model: keras.Model) -> list[keras.layers.Layer]:
    """The model itself and all layers, those inside of others included, in the order in which they were made."""
    # Keras makes this list public of no model but its own Sequential and Functional, and without what is inside.
    return list(model._flatten_layers())


def recurrent_layers_of(model: keras.Model) -> list[keras.layers.RNN]:
    """All recurrent layers of a model.

    >>> both = keras.layers.Bidirectional(keras.layers.LSTM(3))
    >>> len(recurrent_layers_of(keras.Sequential([keras.layers.Input((None, 2)), both])))
    2
    """
    return [layer for layer in layers_of(model) if isinstance(layer, keras.layers.RNN)]


def words_known(model: keras.Model) -> int | None:
    """How many words a model has vectors for; None if it has none.

    >>> words_known(keras.Sequential([keras.layers.Embedding(9, 4), keras.layers.LSTM(3)]))
    9
    """
    if isinstance(model, LanguageModel):
        return len(model.vocabulary)
    return next((layer.input_dim for layer in layers_of(model) if isinstance(layer, keras.layers.Embedding)), None)
