"""A blocking client for language models behind TensorFlow Serving's protocol. Needs no TensorFlow."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import grpc
import numpy as np

from rnnzoo.models.answers import Suggestion, TextScore
from rnnzoo.serving.protocol import messages
from rnnzoo.serving.tensors import decode_tensor, encode_tensor
from rnnzoo.serving.transport import GrpcTransport, Transport

__all__ = ["Client", "TensorSpec"]


@dataclass(frozen=True)
class TensorSpec:
    """What a signature says of one input or output.

    Attributes:
        dtype: the number of TensorFlow's `DataType`.
        shape: the size of each axis, None where any will do; None as a whole if even the number of axes is open.
        optional: whether a request may leave it out.
    """

    dtype: int
    shape: tuple[int | None, ...] | None
    optional: bool = False


class Client:
    """Asks a server for next words, scores and continuations; `rnnzoo serve` and TensorFlow Serving answer alike.

    Args:
        address: `host:port` of the gRPC port.
        model_name: the model's name there.
        version: a version's number; the newest if None.
        timeout: the seconds that each call may take; 10 is long for a few words and short for a person.
        credentials: for TLS, from `grpc.ssl_channel_credentials`.
        transport: stands in for gRPC; `address` and `credentials` are not used then.

    Every method raises a `ServingError` (see `rnnzoo.serving.errors`) if the server is not there, is too slow, or
    refuses.

    Example:
        >>> with Client("localhost:1") as client:  # where nobody listens
        ...     client.predict_next("once upon a")
        Traceback (most recent call last):
            ...
        rnnzoo.serving.errors.ServerUnavailableError: no server answers at localhost:1 (...): start one with ...
    """

    def __init__(
        self,
        address: str = "localhost:8500",
        model_name: str = "default",
        *,
        version: int | None = None,
        timeout: float = 10.0,
        credentials: grpc.ChannelCredentials | None = None,
        transport: Transport | None = None,
    ) -> None:
        if not timeout > 0:
            raise ValueError(f"timeout must be a positive number of seconds, but got {timeout=}.")
        self.model_name = model_name
        self.version = version
        self.timeout = timeout
        self._transport = GrpcTransport(address, credentials) if transport is None else transport

    def predict_next(self, texts: str | Sequence[str], top_k: int = 5) -> list[list[Suggestion]]:
        """The likeliest next words of each text, likeliest first.

        Args:
            texts: one text or several; an empty text asks for the first word.
            top_k: how many words; at most as many as the model was exported with, 10 by default.

        Raises:
            ValueError: if `top_k` is out of range.
        """
        answer = self.predict("predict_next", {"text": _text_array(texts)})
        most = answer["words"].shape[1]
        if not 1 <= top_k <= most:
            raise ValueError(f"top_k must be from 1 to {most}, what the model was exported with, but got {top_k=}.")
        return [
            [Suggestion(word.decode(), float(probability)) for word, probability in zip(*row, strict=True)]
            for row in zip(answer["words"][:, :top_k], answer["probabilities"][:, :top_k], strict=True)
        ]

    def score(self, texts: str | Sequence[str]) -> list[TextScore]:
        """The log probability of each word of each text."""
        answer = self.predict("score", {"text": _text_array(texts)})
        return [
            TextScore(tuple(word.decode() for word in words[:length]), tuple(log_probabilities[:length].tolist()))
            for words, log_probabilities, length in zip(
                answer["words"], answer["log_probabilities"], answer["lengths"], strict=True
            )
        ]

    def generate(
        self,
        texts: str | Sequence[str],
        max_words: int = 20,
        *,
        temperature: float = 1.0,
        top_k: int = 0,
        top_p: float = 1.0,
        seed: int | None = None,
    ) -> list[str]:
        """Continues each text; the continuations alone are returned.

        Args:
            texts: one text or several.
            max_words: the most words to add.
            temperature: 1 draws from the network's own distribution, 0 always takes the likeliest word.
            top_k: draws among the so many likeliest words; 0 for all.
            top_p: draws among the likeliest words that hold this probability together; 1 for all.
            seed: for equal continuations every time. Row r of several texts draws with seed + r.
        """
        text = _text_array(texts)
        first = int(np.random.default_rng().integers(2**31)) if seed is None else seed
        inputs = {
            "text": text,
            "max_words": np.full(text.shape, max_words, np.int32),
            "temperature": np.full(text.shape, temperature, np.float32),
            "top_k": np.full(text.shape, top_k, np.int32),
            "top_p": np.full(text.shape, top_p, np.float32),
            "seed": ((first + np.arange(len(text))) % 2**31).astype(np.int32),
        }
        answer = self.predict("generate", inputs)
        return [text.decode() for text in answer["continuation"]]

    def step(
        self, token_ids: Sequence[int] | np.ndarray, states: Mapping[str, np.ndarray] | None = None
    ) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """One word further, with the states in hand.

        Args:
            token_ids: (batch,) the word of each row.
            states: what the last step returned; None begins a text, whose first word is the id of `<eos>`, 1.

        Returns:
            The log probabilities of the next word, (batch, V), and the states after this one, by name.
        """
        answer = self.predict("step", {"token_ids": np.asarray(token_ids, np.int32), **(states or {})})
        return answer.pop("log_probabilities"), answer

    def predict(self, signature: str, inputs: Mapping[str, Any], outputs: Sequence[str] = ()) -> dict[str, np.ndarray]:
        """Any signature of any model.

        Args:
            signature: its name; empty for `serving_default`.
            inputs: by name, arrays or what NumPy makes arrays of. As in TensorFlow, Python's own numbers become float32
                and int32; text is `str` or `bytes`.
            outputs: the names of the outputs to answer; all if empty.

        Returns:
            Arrays by name; text as object arrays of `bytes`.
        """
        request = messages["PredictRequest"](model_spec=self._model_spec(signature), output_filter=outputs)
        for name, value in inputs.items():
            encode_tensor(_array(value), request.inputs[name])
        answer = messages["PredictResponse"].FromString(self._call("Predict", request))
        return {name: decode_tensor(tensor) for name, tensor in answer.outputs.items()}

    def metadata(self) -> dict[str, dict[str, dict[str, TensorSpec]]]:
        """The signatures of the model: by name, its `inputs` and its `outputs`."""
        request = messages["GetModelMetadataRequest"](model_spec=self._model_spec(), metadata_field=["signature_def"])
        answer = messages["GetModelMetadataResponse"].FromString(self._call("GetModelMetadata", request))
        signatures = messages["SignatureDefMap"].FromString(answer.metadata["signature_def"].value).signature_def
        return {
            name: {
                "inputs": {key: _spec(info, key in signature.defaults) for key, info in signature.inputs.items()},
                "outputs": {key: _spec(info) for key, info in signature.outputs.items()},
            }
            for name, signature in signatures.items()
            if signature.method_name  # without one it is the model's own initialisation
        }

    def close(self) -> None:
        """Lets go of the connection."""
        self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _call(self, method: str, request: Any) -> bytes:
        return self._transport.call(method, request.SerializeToString(), self.timeout)

    def _model_spec(self, signature: str = "") -> Any:
        spec = messages["ModelSpec"](name=self.model_name, signature_name=signature)
        if self.version is not None:
            spec.version.value = self.version
        return spec


def _text_array(texts: str | Sequence[str]) -> np.ndarray:
    texts = [texts] if isinstance(texts, str) else list(texts)
    if not texts:
        raise ValueError("texts must hold at least one text, but got none.")
    return np.array(texts, dtype=object)


def _array(value: Any) -> np.ndarray:
    array = np.asarray(value)
    narrow = {"f": np.float32, "i": np.int32}.get(array.dtype.kind)
    if narrow is None or isinstance(value, (np.ndarray, np.generic)):
        return array
    fits = narrow is np.float32 or np.array_equal(array, array.astype(narrow))
    return array.astype(narrow) if fits else array


def _spec(info: Any, optional: bool = False) -> TensorSpec:
    shape = tuple(axis.size if axis.size >= 0 else None for axis in info.tensor_shape.dim)
    return TensorSpec(info.dtype, None if info.tensor_shape.unknown_rank else shape, optional)
