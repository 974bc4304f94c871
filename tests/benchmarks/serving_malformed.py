"""Requests as they should not be, for a server of a language model and any seed."""

import random

from tensorflow.core.framework import tensor_pb2, types_pb2
from tensorflow_serving.apis import predict_pb2

__all__ = ["malformed"]

_SIZES = (-1, 0, 1, 2, 1000, 2**31 - 1, 2**31, 2**40, 2**63 - 1)
_SIGNATURES = ("", "predict_next", "score", "generate", "step", "extend", "speak", "none")
_INPUTS = ("text", "unfinished", "hidden", "token_ids", "layer_0_state_0", "layer_0_state_1", "max_words", "seed", "x")
_FIELDS = ("float_val", "double_val", "int_val", "string_val", "int64_val", "bool_val", "half_val", "scomplex_val")
_METHODS = ("Predict", "Predict", "Predict", "Classify", "Regress", "MultiInference", "GetModelMetadata")


def malformed(dice: random.Random) -> tuple[str, bytes]:
    """A method and a message."""
    if dice.random() < 0.2:
        return dice.choice(_METHODS), dice.randbytes(dice.randrange(200))
    request = predict_pb2.PredictRequest()
    request.model_spec.name = dice.choice(("default",) * 8 + ("", "nobody"))
    request.model_spec.signature_name = dice.choice(_SIGNATURES)
    if dice.random() < 0.1:
        request.model_spec.version.value = dice.randrange(-(2**63), 2**63)
    for name in dice.sample(_INPUTS, dice.randrange(4)):
        request.inputs[name].CopyFrom(_tensor(dice))
    if dice.random() < 0.2:
        request.output_filter.extend(dice.choices(("words", "Z", "", "words"), k=2))
    message = request.SerializeToString()
    if dice.random() < 0.2:
        message = message[: dice.randrange(len(message) + 1)]
    if message and dice.random() < 0.2:
        place = dice.randrange(len(message))
        message = message[:place] + dice.randbytes(1) + message[place + 1 :]
    return "Predict", message


def _tensor(dice: random.Random) -> tensor_pb2.TensorProto:
    dtypes = (types_pb2.DT_STRING, types_pb2.DT_FLOAT, types_pb2.DT_INT32, *types_pb2.DataType.values(), 99)
    tensor = tensor_pb2.TensorProto(dtype=dice.choice(dtypes))
    for _ in range(dice.randrange(5)):
        tensor.tensor_shape.dim.add(size=dice.choice(_SIZES))
    tensor.tensor_shape.unknown_rank = dice.random() < 0.05
    if dice.random() < 0.3:
        tensor.tensor_content = dice.randbytes(dice.randrange(64))
    field = dice.choice(_FIELDS)
    for _ in range(dice.randrange(4)):
        if field == "string_val":
            tensor.string_val.append(dice.randbytes(dice.randrange(20)))
        elif field in ("float_val", "double_val", "scomplex_val"):
            getattr(tensor, field).append(dice.choice((0.0, 1.5, float("nan"), float("inf"), -1e30)))
        elif field == "bool_val":
            tensor.bool_val.append(dice.random() < 0.5)
        else:
            getattr(tensor, field).append(dice.randrange(-(2**31), 2**31))
    return tensor
