"""Generated text in which one word depends on a word a chosen distance back: the smallest test of memory in words."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from rnnzoo.models.arguments import whole
from rnnzoo.models.vocabulary import Vocabulary
from rnnzoo.tuning.corpora.corpus import SPLITS, Corpus

__all__ = ["LANGUAGES", "Recall"]

# One language a region, no language twice: the region determines the answer and nothing else does.
LANGUAGES = {
    "Maharashtra": "Marathi",
    "Kerala": "Malayalam",
    "Catalonia": "Catalan",
    "Wales": "Welsh",
    "Hokkaido": "Japanese",
    "Gujarat": "Gujarati",
    "Tuscany": "Italian",
    "Bavaria": "German",
    "Karnataka": "Kannada",
    "Brittany": "Breton",
    "Anatolia": "Turkish",
    "Bengal": "Bengali",
    "Andalusia": "Spanish",
    "Normandy": "French",
    "Punjab": "Punjabi",
    "Crete": "Greek",
    "Silesia": "Polish",
    "Odisha": "Odia",
    "Bohemia": "Czech",
    "Transylvania": "Romanian",
    "Assam": "Assamese",
    "Lapland": "Sami",
    "Flanders": "Dutch",
    "Telangana": "Telugu",
    "Friesland": "Frisian",
    "Corsica": "Corsican",
    "Sardinia": "Sardinian",
    "Tibet": "Tibetan",
    "Hawaii": "Hawaiian",
    "Iceland": "Icelandic",
    "Tatarstan": "Tatar",
    "Kashmir": "Kashmiri",
    "Bali": "Balinese",
    "Java": "Javanese",
    "Madeira": "Portuguese",
    "Jutland": "Danish",
    "Scania": "Swedish",
    "Galicia": "Galician",
    "Connacht": "Irish",
    "Siam": "Thai",
}

# Each has the same number of words, so that the answer always stands at the same place.
_CUES = ("is a beautiful place .", "was my home once .", "lies far from here .", "has many old towns .")
_QUESTIONS = ("I don 't understand", "I can 't read", "she won 't speak", "we didn 't learn")

# The filler takes one word from each in turn.
_FILLER = (
    ("the", "my", "our", "that", "every", "this"),
    ("train", "doctor", "garden", "neighbour", "river", "letter", "market", "kitchen", "teacher", "dog"),
    ("found", "followed", "carried", "watched", "remembered", "left", "crossed", "painted"),
    ("a", "another", "one", "some", "his", "her"),
    ("bridge", "window", "road", "ticket", "basket", "song", "street", "story", "chair", "field"),
    ("slowly", "again", "yesterday", "quietly", "together", "early", "alone", "twice"),
    ("and", "while", "because", "but", "before", "until"),
)


@dataclass(frozen=True, kw_only=True)
class Recall(Corpus):
    """Lines such as "Maharashtra is a beautiful place . (filler) I don't understand Marathi .".

    The region is the first word of a line, its language the answer; between the two sentences stand `distance` words
    of filler, drawn anew for every line. To predict the answer better than by chance, a network has to remember the
    region for `lag` steps. The languages occur as answers only.

    Args:
        distance: words of filler; 0 or more. At the default of 5, an LSTM, a GRU and an IRNN of 128 units, shown one
            line at a time, answered every question after 6 to 8 epochs; a tanh network was at chance after 8.
        pairs: how many regions and languages there are, 2 to 40 (default 8: more of them take longer to learn).
            Chance is right once in `pairs` times.
        examples: lines of the training split, 10 or more (default 4,000); the other two have a tenth of it each.
        seed: the lines depend on the options and the seed and on nothing else; 0 or more (default 0).

    Raises:
        ValueError: if an option is out of its range.

    >>> corpus = Recall(distance=3, examples=50)
    >>> " ".join(next(corpus.lines("train")))
    "Tuscany lies far from here . my neighbour . she won 't speak Italian ."
    >>> corpus.lag, corpus.line_tokens
    (13, 16)
    """

    name: str = field(default="recall", init=False)
    rule: str = field(default="words", init=False)
    distance: int = 5
    pairs: int = 8
    examples: int = 4000
    seed: int = 0

    def __post_init__(self) -> None:
        ranges = {"distance": (0, None), "pairs": (2, len(LANGUAGES)), "examples": (10, None), "seed": (0, None)}
        for option, (least, most) in ranges.items():
            object.__setattr__(self, option, whole(option, getattr(self, option), least, most))

    @property
    def answers(self) -> tuple[str, ...]:
        """The words that can be answers; nothing else in the text is one of them."""
        return tuple(LANGUAGES.values())[: self.pairs]

    @property
    def lag(self) -> int:
        """How many steps back from the answer the region stands; also the answer's place in its line, from 0."""
        return len(_CUES[0].split()) + self.distance + len(_QUESTIONS[0].split()) + 1

    @property
    def line_tokens(self) -> int:
        """Tokens of a line, all of the same length: up to the answer, the answer, the full stop and `<eos>`."""
        return self.lag + 3

    def answer_mask(self, token_ids: npt.NDArray[np.integer], vocabulary: Vocabulary) -> npt.NDArray[np.bool_]:
        """Where in `token_ids`, of any shape, an answer stands: as targets, the predictions that show memory.

        >>> corpus = Recall(distance=0)
        >>> ids = corpus.vocabulary().encode("Wales was my home once . I can't read Welsh .")
        >>> corpus.answer_mask(np.array(ids), corpus.vocabulary()).nonzero()[0].tolist()
        [10]
        """
        return np.isin(token_ids, vocabulary.encode_words(self.answers))

    def _lines(self, split: str) -> Iterator[list[str]]:
        random = np.random.default_rng([self.seed, SPLITS.index(split)])
        pairs = tuple(LANGUAGES.items())[: self.pairs]
        for _ in range(self.examples if split == "train" else self.examples // 10):
            region, language = pairs[random.integers(self.pairs)]
            cue = _CUES[random.integers(len(_CUES))]
            question = _QUESTIONS[random.integers(len(_QUESTIONS))]
            yield [region, *cue.split(), *self._filler(random), *question.split(), language, "."]

    def _filler(self, random: np.random.Generator) -> list[str]:
        columns = [_FILLER[place % len(_FILLER)] for place in range(self.distance)]
        words = [column[random.integers(len(column))] for column in columns]
        return [*words[:-1], "."] if words else []
