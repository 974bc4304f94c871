"""A blocking client for language models behind TensorFlow Serving's protocol. Needs no TensorFlow."""

from collections.abc import Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Self, TypeVar

import grpc
import numpy as np

from rnnzoo.models.answers import Suggestion, TextScore
from rnnzoo.serving.calls import Call, Calls, Signatures
from rnnzoo.serving.speaking_protocol import speaking_messages
from rnnzoo.serving.transport import GrpcTransport, Transport, checked_timeout
from rnnzoo.serving.typing_session import Typing

__all__ = ["Client"]


_Answer = TypeVar("_Answer")


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
    refuses, or if the client is closed.

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
        self._calls = Calls(model_name, version)
        self.timeout = checked_timeout(timeout)
        self._transport = GrpcTransport(address, credentials) if transport is None else transport

    def predict_next(self, texts: str | Sequence[str], top_k: int = 5) -> list[list[Suggestion]]:
        """The likeliest next words of each text, likeliest first.

        Args:
            texts: one text or several; an empty text asks for the first word.
            top_k: how many words; at most as many as the model was exported with, 10 by default.

        Raises:
            ValueError: if `top_k` is out of range.
        """
        return self._ask(self._calls.predict_next(texts, top_k))

    def score(self, texts: str | Sequence[str]) -> list[TextScore]:
        """The log probability of each word of each text, by the natural logarithm.

        Args:
            texts: one text or several.
        """
        return self._ask(self._calls.score(texts))

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

        Raises:
            ValueError: if one of them is out of range.
        """
        return self._ask(self._calls.generate(texts, max_words, temperature, top_k, top_p, seed))

    def stream(
        self,
        text: str,
        max_words: int = 20,
        *,
        temperature: float = 1.0,
        top_k: int = 0,
        top_p: float = 1.0,
        seed: int | None = None,
    ) -> Iterator[str]:
        """Continues a text, piece by piece: joined, they are what `generate` returns for an equal seed.

        Only `rnnzoo serve` streams. Closing the iterator ends the work on the server; `timeout` is for the whole
        stream.

        Args:
            text: one text.
            max_words: as for `generate`; so are the others.

        Raises:
            ValueError: if one of them is out of range.
        """
        request = self._calls.stream(text, max_words, temperature, top_k, top_p, seed)
        return self._pieces(request)

    def typing(self, top_k: int = 5) -> Typing:
        """A session for somebody who types: it holds the state, so a keystroke costs the same however long the text.

        Works with TensorFlow Serving too. Not for several threads.

        Args:
            top_k: as for `predict_next`.

        Raises:
            ValueError: if `top_k` is below 1.
        """
        return Typing(self._ask, self._calls, top_k)

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
        return self._ask(self._calls.step(token_ids, states))

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
        return self._ask(self._calls.predict(signature, inputs, outputs))

    def metadata(self) -> Signatures:
        """The signatures of the model: by name, what each of its `inputs` and `outputs` is, again by name."""
        return self._ask(self._calls.metadata())

    def close(self) -> None:
        """Lets go of the connection."""
        self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _pieces(self, request: bytes) -> Iterator[str]:
        for message in self._transport.stream(request, self.timeout):
            yield speaking_messages["GeneratedWord"].FromString(message).text

    def _ask(self, call: Call[_Answer]) -> _Answer:
        return call.read(self._transport.call(call.method, call.request, self.timeout))
