"""Answers in `tensor_content`, where a server is told to send them so."""

import numpy as np
from tensorflow.core.framework import tensor_pb2
from tensorflow_serving.apis import predict_pb2

from rnnzoo.serving.tensors import decode_tensor, varint

__all__ = ["pack_contents"]


def pack_contents(response: predict_pb2.PredictResponse) -> predict_pb2.PredictResponse:
    """The same answer with each output's values as bytes in memory's order, as TensorFlow's C++ writes them.

    >>> response = predict_pb2.PredictResponse()
    >>> response.outputs["y"].dtype = 1
    >>> response.outputs["y"].tensor_shape.dim.add(size=2).size
    2
    >>> response.outputs["y"].float_val.extend([1.0, 2.0])
    >>> pack_contents(response).outputs["y"].tensor_content.hex(" ", 4)
    '0000803f 00000040'
    """
    packed = predict_pb2.PredictResponse(model_spec=response.model_spec)
    for alias, tensor in response.outputs.items():
        packed.outputs[alias].CopyFrom(
            tensor_pb2.TensorProto(
                dtype=tensor.dtype, tensor_shape=tensor.tensor_shape, tensor_content=_content(decode_tensor(tensor))
            )
        )
    return packed


def _content(array: np.ndarray) -> bytes:
    if not array.dtype.hasobject:
        return np.ascontiguousarray(array).astype(array.dtype.newbyteorder("<")).tobytes()
    # The lengths of all strings as varints, then the strings themselves.
    texts = array.ravel().tolist()
    return b"".join([*(varint(len(text)) for text in texts), *texts])
