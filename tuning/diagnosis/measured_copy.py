"""A copy of a model to be measured: float64, stateless, nothing frozen, for any number of rows.

float64, because a gradient that halves at every word is gone from float32 after 150 of them.
"""

import random
from typing import Any

import keras

from rnnzoo.tuning.diagnosis.layers_of_models import layers_of

__all__ = ["measured_copy"]

_FLOATS = ("float16", "bfloat16", "float32", "float64", "mixed_float16", "mixed_bfloat16")


def measured_copy(model: keras.Model, example: Any = None) -> keras.Model:
    """The model once more, with the same weights, computing in float64.

    Args:
        model: a Keras model that can be rebuilt from its configuration.
        example: inputs on which to build the copy, should it not build itself.

    Raises:
        ValueError: if the model has no weights yet, or cannot be rebuilt.

    Example:
        >>> model = keras.Sequential([keras.layers.Input((None, 2)), keras.layers.LSTM(3)])
        >>> measured_copy(model).layers[0].cell.kernel.dtype
        'float64'
    """
    if not model.built:
        raise ValueError(f"the model must be built, but {model.name} has no weights yet: call it once.")
    policy, random_state = keras.config.dtype_policy(), random.getstate()
    # Its classes are known here, registered or not, and its lambdas are in this process already.
    classes = {type(layer).__name__: type(layer) for layer in layers_of(model)}
    try:
        keras.config.set_dtype_policy("float64")  # for layers that a subclassed model makes by itself
        description = keras.saving.serialize_keras_object(model)
        description.pop("compile_config", None)
        copy = keras.saving.deserialize_keras_object(_for_measuring(description), classes, safe_mode=False)
        if not copy.built:
            copy(example)
    except (NotImplementedError, TypeError) as error:
        raise ValueError(
            f"the model must be rebuildable from its configuration (get_config), but {type(model).__name__} is not: "
            f"{str(error).splitlines()[0]}"
        ) from error
    finally:
        keras.config.set_dtype_policy(policy)
        random.setstate(random_state)  # initialisers draw their seeds from here
    copy.set_weights(model.get_weights())
    return copy


def _for_measuring(description: Any) -> Any:
    if isinstance(description, list | tuple):
        return type(description)(_for_measuring(part) for part in description)
    if not isinstance(description, dict):
        return description
    if description.get("class_name") == "DTypePolicy":
        return {**description, "config": {"name": "float64"}}
    changed = {key: _for_measuring(value) for key, value in description.items()}
    if changed.get("dtype") in _FLOATS:
        changed["dtype"] = "float64"
    changed.update({flag: flag == "trainable" for flag in ("stateful", "trainable") if flag in changed})
    if isinstance(changed.get("batch_shape"), list | tuple):
        changed["batch_shape"] = (None, *changed["batch_shape"][1:])
    return changed
