"""The words that a network knows, and the way from text to their ids and back. Needs no TensorFlow."""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Self

from rnnzoo.atomic_files import write_json
from rnnzoo.models.arguments import is_integer
from rnnzoo.models.word_splitting import refuse_surrogates, split_chunk, split_chunks, split_words

__all__ = ["RULES", "Vocabulary"]

RULES = ("words", "wikitext")


@dataclass(frozen=True, repr=False)
class Vocabulary:
    """Words in a fixed order, and the rule that splits text into them. A word's id is its place.

    Two rules of splitting:

    - `"words"`: whitespace separates, marks stand alone, `.` and `-` between letters stay (`str.join`, `3.14`), and an
      apostrophe starts a suffix (`don 't`);
    - `"wikitext"`: for words that were tokenised as WikiText is. What stands between whitespace and is in the
      vocabulary stays as it is (`U.S.`, `@-@`); anything else is split as above and given WikiText's marks
      (`real @-@ time`, `1 @,@ 000`).

    Args:
        words: `<unk>` first, `<eos>` second, then the others, by falling frequency where it is known: sampled softmax
            draws candidates by that order. Each is distinct, not empty, and free of whitespace.
        rule: `"words"` (default: text as people type it) or `"wikitext"`.

    Raises:
        ValueError: if `words` or `rule` is not as described.

    >>> vocabulary = Vocabulary.from_lines([["to", "be", "or", "not", "to", "be"]])
    >>> vocabulary.words
    ('<unk>', '<eos>', 'to', 'be', 'or', 'not')
    >>> vocabulary.encode("to be, or not!")
    [2, 3, 0, 4, 5, 0]
    >>> vocabulary.decode([5, 2, 3])
    'not to be'
    """

    UNKNOWN: ClassVar[str] = "<unk>"
    END: ClassVar[str] = "<eos>"
    unknown_id: ClassVar[int] = 0
    end_id: ClassVar[int] = 1

    words: tuple[str, ...]
    rule: str
    _ids: dict[str, int] = field(compare=False)

    def __init__(self, words: Sequence[str], rule: str = "words") -> None:
        if rule not in RULES:
            raise ValueError(f"rule must be one of {', '.join(RULES)}, but got {rule=}.")
        words = tuple(words)
        if words[:2] != (self.UNKNOWN, self.END):
            raise ValueError(f"words must start with {self.UNKNOWN} and {self.END}, but got {words[:2]}.")
        ids: dict[str, int] = {}
        for number, word in enumerate(words):
            if not isinstance(word, str) or split_chunks(word) != [word]:
                raise ValueError(f"every word must be text without whitespace, but word {number} is {word!r}.")
            refuse_surrogates(word)
            if ids.setdefault(word, number) != number:
                raise ValueError(f"words must be distinct, but {word!r} is word {ids[word]} and word {number}.")
        object.__setattr__(self, "words", words)
        object.__setattr__(self, "rule", rule)
        object.__setattr__(self, "_ids", ids)

    @classmethod
    def from_lines(cls, lines: Iterable[Sequence[str]], limit: int | None = None, rule: str = "words") -> Self:
        """Build the vocabulary of a text: its words by falling frequency, ties by first appearance.

        Args:
            lines: the words of each line.
            limit: the most words to keep, `<unk>` and `<eos>` included, so that it bounds the network's output. None
                (default) keeps all.
            rule: see `Vocabulary`.

        Raises:
            ValueError: if `limit` leaves no room for a word, or a line is a string instead of a sequence of words.

        >>> Vocabulary.from_lines([["a", "b"], ["b"]], limit=3).words
        ('<unk>', '<eos>', 'b')
        """
        if limit is not None and (not is_integer(limit) or limit < 3):
            raise ValueError(
                f"limit must be an integer of at least 3 ({cls.UNKNOWN}, {cls.END} and a word), but got {limit=}."
            )
        counts: Counter[str] = Counter()
        for line in lines:
            if isinstance(line, str):
                raise ValueError(f"lines must be sequences of words, but got the string {line[:40]!r}.")
            counts.update(line)
        counts.pop(cls.UNKNOWN, None)
        counts.pop(cls.END, None)
        frequent = counts.most_common(None if limit is None else limit - 2)
        return cls((cls.UNKNOWN, cls.END, *(word for word, _ in frequent)), rule)

    def __len__(self) -> int:
        return len(self.words)

    def __contains__(self, word: object) -> bool:
        return word in self._ids

    def __repr__(self) -> str:
        return f"Vocabulary({len(self)} words, rule={self.rule!r})"

    def split(self, text: str) -> list[str]:
        """Split typed text into words, known or not. Raises a ValueError on lone surrogates and on what is no text.

        >>> Vocabulary(["<unk>", "<eos>", "U.S."], rule="wikitext").split("U.S. real-time U.K.")
        ['U.S.', 'real', '@-@', 'time', 'U.K', '.']
        """
        if not isinstance(text, str):
            raise ValueError(f"text must be a string (`encode_words` takes words), but got {text!r}.")
        refuse_surrogates(text)
        if self.rule == "words":
            return split_words(text)
        words: list[str] = []
        for chunk in split_chunks(text):
            words.extend([chunk] if chunk in self._ids else split_chunk(chunk))
        return words

    def encode(self, text: str) -> list[int]:
        """The ids of the words of typed text; 0 for a word that is not in the vocabulary."""
        return self.encode_words(self.split(text))

    def encode_words(self, words: Iterable[str]) -> list[int]:
        """The ids of words that are split already; 0 for a word that is not in the vocabulary."""
        return [self._ids.get(word, self.unknown_id) for word in words]

    def decode(self, ids: Iterable[int]) -> str:
        """The words of `ids` as text, one space between words. Ids that `encode` gave, it reads back from there.

        Under the rule "words", a suffix is joined to its word again (`don` and `'t` become `don't`).

        Raises:
            ValueError: if an id is not in 0 … len(self) - 1.
        """
        words: list[str] = []
        for number in ids:
            if not 0 <= number < len(self):
                raise ValueError(f"ids must be from 0 to {len(self) - 1}, but got {number}.")
            word = self.words[number]
            is_suffix = self.rule == "words" and len(word) > 1 and word.startswith("'")
            if is_suffix and words:
                words[-1] += word
            else:
                words.append(word)
        return " ".join(words)

    def get_config(self) -> dict[str, Any]:
        """What `from_config` rebuilds the vocabulary from, as JSON can hold it."""
        return {"rule": self.rule, "words": list(self.words)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """The vocabulary that `get_config` described. Raises a ValueError if the keys are not those two."""
        if not isinstance(config, dict) or set(config) != {"rule", "words"} or not isinstance(config["words"], list):
            found = sorted(config) if isinstance(config, dict) else type(config).__name__
            raise ValueError(f'a vocabulary must be an object with "rule" and a list of "words", but got {found}.')
        return cls(config["words"], config["rule"])

    def save(self, path: Path | str) -> None:
        """Write the vocabulary to one JSON file, in a model's folder called `tokenizer.json`."""
        write_json(Path(path), self.get_config(), indent=0)

    @classmethod
    def load(cls, path: Path | str) -> Self:
        """Read what `save` wrote. Raises FileNotFoundError, or a ValueError that says what is wrong with the file."""
        try:
            return cls.from_config(json.loads(Path(path).read_text(encoding="utf-8")))
        except ValueError as error:
            raise ValueError(f"{path} does not hold a vocabulary: {error}") from error
