"""What can be asked of a served language model: each question as bytes, and how its answer is read.

No connection here: the blocking client and the one for asyncio share all of it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np

from rnnzoo.models.answers import Suggestion, TextScore
from rnnzoo.models.arguments import real
from rnnzoo.models.sampler import Sampler, check_max_words, wrapped_seed
from rnnzoo.serving.protocol import messages
from rnnzoo.serving.speaking_protocol import speaking_messages
from rnnzoo.serving.tensors import decode_tensor, encode_tensor, utf8

__all__ = ["Call", "Calls", "Extended", "Signatures", "TensorSpec"]

_Answer = TypeVar("_Answer")
_LARGEST_FLOAT, _SMALLEST_FLOAT = float(np.finfo(np.float32).max), float(np.finfo(np.float32).tiny)  # on the wire


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


Signatures = dict[str, dict[str, dict[str, TensorSpec]]]
"""By the signature's name, `inputs` or `outputs`, and the tensor's name."""


@dataclass(frozen=True)
class Call(Generic[_Answer]):
    """A question.

    Attributes:
        method: of PredictionService.
        request: the message.
        read: makes the answer of the message that comes back.
    """

    method: str
    request: bytes
    read: Callable[[bytes], _Answer]


@dataclass(frozen=True)
class Extended:
    """What follows a context that was extended.

    Attributes:
        suggestions: the likeliest next words.
        context: what the next question goes on from.
        version: the model's, which alone understands that context.
    """

    suggestions: list[Suggestion]
    context: dict[str, np.ndarray]
    version: int


@dataclass(frozen=True)
class Calls:
    """Questions to one model.

    Attributes:
        model_name: its name on the server.
        version: None for the newest.
    """

    model_name: str
    version: int | None = None

    def predict_next(self, texts: str | Sequence[str], top_k: int) -> Call[list[list[Suggestion]]]:
        return self._predict("predict_next", {"text": _text_array(texts)}, lambda answer: _suggestions(answer, top_k))

    def extend(self, text: str, unfinished: str, context: Mapping[str, np.ndarray], top_k: int) -> Call[Extended]:
        """One row: a text goes on from a context, and a word that may change comes after it."""

        def read(message: bytes) -> Extended:
            response = messages["PredictResponse"].FromString(message)
            answer = {name: decode_tensor(tensor) for name, tensor in response.outputs.items()}
            suggestions = _suggestions(answer, top_k)[0]
            context = {name: value for name, value in answer.items() if name not in ("words", "probabilities")}
            return Extended(suggestions, context, response.model_spec.version.value)

        inputs = {"text": _text_array(text), "unfinished": _text_array(unfinished), **context}
        return Call("Predict", self._predict_request("extend", inputs), read)

    def score(self, texts: str | Sequence[str]) -> Call[list[TextScore]]:
        def read(answer: dict[str, np.ndarray]) -> list[TextScore]:
            rows = zip(answer["words"], answer["log_probabilities"], answer["lengths"], strict=True)
            return [
                TextScore(tuple(word.decode() for word in words[:length]), tuple(log_probabilities[:length].tolist()))
                for words, log_probabilities, length in rows
            ]

        return self._predict("score", {"text": _text_array(texts)}, read)

    def generate(
        self,
        texts: str | Sequence[str],
        max_words: int,
        temperature: float,
        top_k: int,
        top_p: float,
        seed: int | None,
    ) -> Call[list[str]]:
        _check_controls(max_words, temperature, top_k, top_p)
        text = _text_array(texts)
        first = _seed(seed)
        inputs = {
            "text": text,
            "max_words": np.full(text.shape, max_words, np.int32),
            "temperature": np.full(text.shape, temperature, np.float32),
            "top_k": np.full(text.shape, top_k, np.int32),
            "top_p": np.full(text.shape, top_p, np.float32),
            "seed": np.array([wrapped_seed(first, row) for row in range(len(text))], np.int32),
        }
        return self._predict(
            "generate", inputs, lambda answer: [continuation.decode() for continuation in answer["continuation"]]
        )

    def stream(
        self, text: str, max_words: int, temperature: float, top_k: int, top_p: float, seed: int | None
    ) -> bytes:
        """The request to the streaming service."""
        _check_controls(max_words, temperature, top_k, top_p)
        request = speaking_messages["GenerateRequest"](
            model_spec={"name": self.model_name}, text=utf8(text), max_words=max_words, top_k=top_k, seed=_seed(seed)
        )
        request.temperature.value, request.top_p.value = temperature, top_p
        request.temperature.SetInParent()
        request.top_p.SetInParent()
        if self.version is not None:
            request.model_spec.version.value = self.version
        return request.SerializeToString()

    def step(
        self, token_ids: Sequence[int] | np.ndarray, states: Mapping[str, np.ndarray] | None
    ) -> Call[tuple[np.ndarray, dict[str, np.ndarray]]]:
        inputs = {"token_ids": np.asarray(token_ids, np.int32), **(states or {})}
        return self._predict("step", inputs, lambda answer: (answer.pop("log_probabilities"), answer))

    def predict(self, signature: str, inputs: Mapping[str, Any], outputs: Sequence[str]) -> Call[dict[str, np.ndarray]]:
        return self._predict(signature, inputs, lambda answer: answer, outputs)

    def metadata(self) -> Call[Signatures]:
        request = messages["GetModelMetadataRequest"](model_spec=self._model_spec(), metadata_field=["signature_def"])
        return Call("GetModelMetadata", request.SerializeToString(), _read_metadata)

    def _predict(
        self,
        signature: str,
        inputs: Mapping[str, Any],
        read: Callable[[dict[str, np.ndarray]], _Answer],
        outputs: Sequence[str] = (),
    ) -> Call[_Answer]:
        return Call(
            "Predict",
            self._predict_request(signature, inputs, outputs),
            lambda message: read(_read_outputs(message)),
        )

    def _predict_request(self, signature: str, inputs: Mapping[str, Any], outputs: Sequence[str] = ()) -> bytes:
        request = messages["PredictRequest"](model_spec=self._model_spec(signature), output_filter=outputs)
        for name, value in inputs.items():
            encode_tensor(_array(value), request.inputs[name])
        return request.SerializeToString()

    def _model_spec(self, signature: str = "") -> Any:
        spec = messages["ModelSpec"](name=self.model_name, signature_name=signature)
        if self.version is not None:
            spec.version.value = self.version
        return spec


def _read_outputs(message: bytes) -> dict[str, np.ndarray]:
    answer = messages["PredictResponse"].FromString(message)
    return {name: decode_tensor(tensor) for name, tensor in answer.outputs.items()}


def _read_metadata(message: bytes) -> Signatures:
    answer = messages["GetModelMetadataResponse"].FromString(message)
    signatures = messages["SignatureDefMap"].FromString(answer.metadata["signature_def"].value).signature_def
    return {
        name: {
            "inputs": {key: _spec(info, key in signature.defaults) for key, info in signature.inputs.items()},
            "outputs": {key: _spec(info) for key, info in signature.outputs.items()},
        }
        for name, signature in signatures.items()
        if signature.method_name  # without one it is the model's own initialisation
    }


def _suggestions(answer: Mapping[str, np.ndarray], top_k: int) -> list[list[Suggestion]]:
    most = answer["words"].shape[1]
    if not 1 <= top_k <= most:
        raise ValueError(f"top_k must be from 1 to {most}, what the model was exported with, but got {top_k=}.")
    return [
        [Suggestion(word.decode(), float(probability)) for word, probability in zip(*row, strict=True)]
        for row in zip(answer["words"][:, :top_k], answer["probabilities"][:, :top_k], strict=True)
    ]


def _check_controls(max_words: int, temperature: float, top_k: int, top_p: float) -> None:
    """What every server refuses is never sent; the most words that one writes are its own business."""
    check_max_words(max_words)
    Sampler(temperature=temperature, top_k=top_k, top_p=top_p)
    real("temperature", temperature, least=0, most=_LARGEST_FLOAT)
    real("top_p", top_p, least=_SMALLEST_FLOAT, most=1)


def _seed(seed: int | None) -> int:
    return int(np.random.default_rng().integers(2**31)) if seed is None else wrapped_seed(seed)


def _text_array(texts: str | Sequence[str]) -> np.ndarray:
    texts = [texts] if isinstance(texts, str) else list(texts)
    if not texts:
        raise ValueError("texts must hold at least one text, but got none.")
    return np.array(texts, dtype=object)


def _array(value: Any) -> np.ndarray:
    array = np.asarray(value)
    if array.dtype.kind in "SU" and not isinstance(value, (np.ndarray, np.generic)):
        return np.array(value, dtype=object)  # NumPy's own strings lose the zero bytes at their end
    narrow = {"f": np.float32, "i": np.int32}.get(array.dtype.kind)
    if narrow is None or isinstance(value, (np.ndarray, np.generic)):
        return array
    fits = narrow is np.float32 or np.array_equal(array, array.astype(narrow))
    return array.astype(narrow) if fits else array


def _spec(info: Any, optional: bool = False) -> TensorSpec:
    shape = tuple(axis.size if axis.size >= 0 else None for axis in info.tensor_shape.dim)
    return TensorSpec(info.dtype, None if info.tensor_shape.unknown_rank else shape, optional)
