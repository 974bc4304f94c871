"""Next words while somebody types: the session holds the state, the server holds nothing.

Each question sends the words that are new and the states behind the others, so it costs the same at the thousandth
word as at the tenth, on TensorFlow Serving as well.
"""

from collections.abc import Awaitable, Callable

import numpy as np

from rnnzoo.models.answers import Suggestion
from rnnzoo.serving.calls import Call, Calls, Extended
from rnnzoo.serving.errors import InvalidRequestError, ModelNotFoundError

__all__ = ["AsyncTyping", "Typing"]

# What states that the model does not take come to.
_REFUSALS = (InvalidRequestError, ModelNotFoundError)


class _Context:
    """What the server has read of a text, and the next question about it."""

    def __init__(self, calls: Calls, top_k: int) -> None:
        if top_k < 1:
            raise ValueError(f"top_k must be at least 1, but got {top_k=}.")
        self._calls = calls
        self._top_k = top_k
        self._text = ""
        self._states: dict[str, np.ndarray] = {}
        self._version: int | None = None

    def question(self, text: str) -> Call[Extended]:
        """What to ask about the whole text so far."""
        before, unfinished = _split(text)
        if not _goes_on(self._text, before):
            self._forget()
        return self._calls.extend(before[len(self._text) :], unfinished, self._states, self._top_k)

    def begins_anew(self) -> bool:
        """Whether to ask again after a refusal: the states may be those of a version that has gone."""
        refused = bool(self._states)
        self._forget()
        return refused

    def fits(self, text: str, answer: Extended) -> bool:
        """Takes the answer in, unless a new version of the model has read the states of an old one."""
        if self._version not in (None, answer.version):
            self._forget()
            return False
        (self._text, _), self._states, self._version = _split(text), answer.context, answer.version
        return True

    def _forget(self) -> None:
        self._text, self._states, self._version = "", {}, None


class Typing:
    """Made by `Client.typing`.

    Example (with a server):

        typing = client.typing()
        typing.predict_next("the va")      # each time the whole text, as it stands in the input field
        typing.predict_next("the value ")
    """

    def __init__(self, ask: Callable[[Call[Extended]], Extended], calls: Calls, top_k: int) -> None:
        self._ask = ask
        self._context = _Context(calls, top_k)

    def predict_next(self, text: str) -> list[Suggestion]:
        """The likeliest next words of a text; fast if it goes on from the last one, right in any case."""
        while True:
            try:
                answer = self._ask(self._context.question(text))
            except _REFUSALS:
                if not self._context.begins_anew():
                    raise
            else:
                if self._context.fits(text, answer):
                    return answer.suggestions


class AsyncTyping:
    """Made by `AsyncClient.typing`; for one question at a time."""

    def __init__(self, ask: Callable[[Call[Extended]], Awaitable[Extended]], calls: Calls, top_k: int) -> None:
        self._ask = ask
        self._context = _Context(calls, top_k)

    async def predict_next(self, text: str) -> list[Suggestion]:
        """The likeliest next words of a text; fast if it goes on from the last one, right in any case."""
        while True:
            try:
                answer = await self._ask(self._context.question(text))
            except _REFUSALS:
                if not self._context.begins_anew():
                    raise
            else:
                if self._context.fits(text, answer):
                    return answer.suggestions


def _split(text: str) -> tuple[str, str]:
    """The text up to its last word, and that word, which may still change.

    >>> _split("the value"), _split("the value "), _split("the")
    (('the', 'value'), ('the', 'value'), ('', 'the'))
    """
    before, *last = ["", *text.rsplit(None, 1)][-2:]
    return (before, last[0]) if last else ("", "")


def _goes_on(text: str, longer: str) -> bool:
    """Whether a text is the other's beginning, word by word."""
    return longer.startswith(text) and (not text or longer[len(text) : len(text) + 1].strip() == "")
