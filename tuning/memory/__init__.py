"""How far back networks remember, measured by what they can be taught. Each name is imported when first used."""

from typing import TYPE_CHECKING

from rnnzoo.lazy_names import lazy_names

if TYPE_CHECKING:
    from rnnzoo.tuning.memory.adding_problem import AddingOutcome, learn_adding
    from rnnzoo.tuning.memory.recall_ladder import LADDER, RecallOutcome, Rung, climb
    from rnnzoo.tuning.memory.text_learning import TextOutcome, learn_text, unigram_perplexity

_HOMES = {
    "LADDER": "recall_ladder",
    "AddingOutcome": "adding_problem",
    "RecallOutcome": "recall_ladder",
    "Rung": "recall_ladder",
    "TextOutcome": "text_learning",
    "climb": "recall_ladder",
    "learn_adding": "adding_problem",
    "learn_text": "text_learning",
    "unigram_perplexity": "text_learning",
}

__all__ = [
    "LADDER",
    "AddingOutcome",
    "RecallOutcome",
    "Rung",
    "TextOutcome",
    "climb",
    "learn_adding",
    "learn_text",
    "unigram_perplexity",
]

__getattr__, __dir__ = lazy_names(__name__, _HOMES)
