"""`predict_next` by way of the prefix cache: each row runs only the words that are new.

The last word of a text may still be typed, so what is remembered is the context in front of it; the signature
`extend` of our exports answers both, the words after the whole text and that context.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np

from rnnzoo.serving.server.batching.batch_run import Ran
from rnnzoo.serving.server.batching.running import Runner
from rnnzoo.serving.server.calls.inference import DEFAULT_SIGNATURE, Question
from rnnzoo.serving.server.observation.metrics import ServerMetrics
from rnnzoo.serving.server.observation.request_record import RequestRecord
from rnnzoo.serving.server.prefix_cache import ASKED, PrefixCache
from rnnzoo.serving.server.repository.servable import Servable
from rnnzoo.serving.tensors import decode_tensor

__all__ = ["Extender", "beginning", "can_extend", "context_names"]

_SIGNATURES = ("predict_next", DEFAULT_SIGNATURE)
_INPUTS = ("text", "unfinished")
_ANSWERS = ("probabilities", "words")  # what `predict_next` answers, which is what has run before anybody asks
# Who types sends one text. To look up each of thousands would hold up the loop, and to keep them would empty the cache.
_MOST_ROWS = 8
# To fetch and keep a context takes as long as reading two words: that of a short text, which is soon read twice, is
# kept once somebody goes on from it.
_SHORT_BYTES = 256


def can_extend(servable: Servable, question: Question) -> bool:
    """Whether `extend` answers this question too, and quickly: it has a few texts."""
    text = next(iter(question.feeds.values())) if len(question.feeds) == 1 else None
    return (
        servable.own_export
        and question.signature_name in _SIGNATURES
        and "extend" in servable.signatures
        and text is not None
        and text.ndim == 1
        and 0 < len(text) <= _MOST_ROWS
    )


def context_names(servable: Servable) -> list[str]:
    """The inputs and outputs that hold a context: `hidden` and the states."""
    return sorted(set(servable.signatures["extend"].inputs) - set(_INPUTS))


@dataclass(slots=True)
class _Row:
    """One text: what is known (a context), what is to be read, the word that may still be typed.

    Attributes:
        key: of the context after `text`, if it is to be kept.
        is_new: whether nothing is known, and nothing worth keeping yet.
    """

    text: bytes
    unfinished: bytes
    context: tuple[np.ndarray, ...] | None = None
    key: bytes | None = None
    cache: str | None = None
    is_new: bool = False


class Extender:
    """Answers with the cache in hand; lives in the loop.

    Args:
        runner: runs the model.
        cache: the contexts, of all models.
    """

    def __init__(self, runner: Runner, cache: PrefixCache) -> None:
        self._runner = runner
        self._cache = cache
        self._contexts: WeakKeyDictionary[Servable, tuple[list[str], tuple[np.ndarray, ...]]] = WeakKeyDictionary()

    async def run(
        self,
        servable: Servable,
        question: Question,
        deadline: float | None,
        record: RequestRecord,
        metrics: ServerMetrics,
    ) -> Ran:
        """The outputs that a question to `predict_next` asks for; see `can_extend`.

        Raises:
            StatusError: as `Runner.run`.
        """
        (texts,) = question.feeds.values()
        rows = [self._row(servable, text) for text in texts]
        if all(row.is_new for row in rows):
            asked = question
            for row in rows:
                if row.key is not None:
                    self._cache.put(row.key, ASKED)
        else:
            asked = _question(servable, question.aliases, *self._context_of(servable), rows)
        ran = await self._runner.run(servable, asked, deadline)
        answers, contexts = ran.arrays[: len(question.aliases)], ran.arrays[len(question.aliases) :]
        for number, row in enumerate(rows):
            if contexts and row.key is not None:
                # Copies: a view would keep the whole batch.
                self._cache.put(row.key, tuple(context[number].copy() for context in contexts))
        found = {row.cache for row in rows}
        record.cache = next((kind for kind in ("miss", "extended", "hit") if kind in found), None)
        for row in rows:
            metrics.prefix_cache(servable.name, row.cache in ("hit", "extended"), len(row.text.split()) + 1)
        return Ran(answers, ran.rows, ran.began, ran.seconds)

    async def context(
        self, servable: Servable, text: str, deadline: float | None, record: RequestRecord
    ) -> dict[str, np.ndarray]:
        """The context behind a text, each of its arrays with one row, by name.

        Raises:
            StatusError: as `Runner.run`.
        """
        names, begin = self._context_of(servable)
        row = self._finished(servable, text.encode())
        record.cache = row.cache
        if row.context is None or row.text:
            # The words are not wanted, but each new set of outputs is a graph to optimize, for seconds.
            extended = _question(servable, _ANSWERS, names, begin, [row])
            asked = time.perf_counter()
            ran = await self._runner.run(servable, extended, deadline)
            record.queue += ran.began - asked
            record.compute += ran.seconds
            row.context = tuple(context[0].copy() for context in ran.arrays[len(_ANSWERS) :])
            if row.key is not None:
                self._cache.put(row.key, row.context)
        return {name: value[np.newaxis] for name, value in zip(names, row.context, strict=True)}

    def _context_of(self, servable: Servable) -> tuple[list[str], tuple[np.ndarray, ...]]:
        if servable not in self._contexts:
            self._contexts[servable] = context_names(servable), beginning(servable)
        return self._contexts[servable]

    def _finished(self, servable: Servable, text: bytes) -> _Row:
        """The row of a text whose last word is whole."""
        row = self._row(servable, text + b" .")
        return _Row(row.text, b"", row.context, row.key, row.cache)

    def _row(self, servable: Servable, text: bytes) -> _Row:
        parts = text.rsplit(None, 1)
        if len(parts) < 2 or not _is_unicode(text):
            return _Row(b"", text, is_new=True)
        before, last = parts
        key = self._cache.key(servable, before)
        context = self._cache.get(key)
        if context:
            return _Row(b"", last, context, None, "hit")
        was_asked = context is not None
        for end, shorter in self._cache.shorter_keys(servable, before):
            context = self._cache.get(shorter)
            if context:
                return _Row(before[end:], last, context, key, "extended")
            was_asked = was_asked or context is not None
        return _Row(before, last, None, key, "miss", is_new=not was_asked and len(before) <= _SHORT_BYTES)


def _question(
    servable: Servable,
    aliases: Sequence[str],
    names: Sequence[str],
    begin: tuple[np.ndarray, ...],
    rows: Sequence[_Row],
) -> Question:
    signature = servable.signatures["extend"]
    feeds = {
        signature.inputs["text"].name: _texts([row.text for row in rows]),
        signature.inputs["unfinished"].name: _texts([row.unfinished for row in rows]),
    }
    contexts = [begin if row.context is None else row.context for row in rows]
    for index, name in enumerate(names):
        states = [context[index] for context in contexts]
        feeds[signature.inputs[name].name] = np.stack(states) if len(states) > 1 else states[0][np.newaxis]
    return Question("extend", signature, frozenset(signature.inputs), feeds, (*aliases, *names))


def beginning(servable: Servable) -> tuple[np.ndarray, ...]:
    """The context of an empty text, in the order of `context_names`."""
    defaults = servable.signatures["extend"].defaults
    return tuple(decode_tensor(defaults[name])[0] for name in context_names(servable))


def _texts(texts: Sequence[bytes]) -> np.ndarray:
    array = np.empty(len(texts), dtype=object)
    array[:] = texts
    return array


def _is_unicode(text: bytes) -> bool:
    # Where a broken character ends is for the model to say: such a text is read in one piece.
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True
