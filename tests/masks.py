"""The masks that Keras hands from layer to layer beside the values."""

from typing import Any

import keras

__all__ = ["mask_of", "with_mask"]


class _Recording(keras.layers.Layer):
    def __init__(self) -> None:
        super().__init__()
        self.supports_masking = True

    def call(self, inputs: Any, mask: Any = None) -> Any:
        self.seen = mask
        return inputs


class _Masking(keras.layers.Layer):
    def __init__(self, mask: Any) -> None:
        super().__init__()
        self.mask = mask

    def call(self, inputs: Any) -> Any:
        return keras.ops.copy(inputs)

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        return self.mask


def mask_of(values: Any) -> Any:
    """The mask that the next layer gets with what a layer has given; None if it gets none."""
    layer = _Recording()
    layer(values)
    return layer.seen


def with_mask(values: Any, mask: Any) -> Any:
    """The values as from a layer that gives this mask."""
    return _Masking(mask)(values)
