"""What a language model says: to a few beginnings of sentences, and where a text surprised it."""

from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from rnnzoo.models.language_model import LanguageModel

__all__ = ["BEGINNINGS", "asked_examples", "surprising_examples"]

BEGINNINGS = (
    "the capital of the United",
    "he was born in",
    "the game was released in North",
    "the ship was built by",
    "one of the most",
)

# How much of a text is looked through, and how many words in front of a prediction are shown.
_READ, _SHOWN = 1_500, 9


def asked_examples(model: LanguageModel) -> list[dict[str, Any]]:
    """The next words after each of `BEGINNINGS`, with their probabilities."""
    return [
        {
            "text": text,
            "words": [suggestion.word for suggestion in suggestions],
            "probabilities": [round(suggestion.probability, 4) for suggestion in suggestions],
        }
        for text, suggestions in zip(BEGINNINGS, model.predict_next(list(BEGINNINGS)), strict=True)
    ]


def surprising_examples(model: LanguageModel, tokens: npt.NDArray[np.integer], count: int = 4) -> list[dict[str, Any]]:
    """Where the model was surest, of each word once: `count` predictions that came true and `count` that did not.

    Args:
        model: what predicts.
        tokens: (tokens,) of a text that it has not learnt; the beginning is read.
        count: of each kind.

    Returns:
        First those that came true, each with what stood before, the word suggested, its probability, and what came.
    """
    words = model.vocabulary.words
    token_ids = tf.constant(tokens[None, : _READ + 1], tf.int32)
    probabilities = tf.nn.softmax(model(token_ids[:, :-1]))[0]
    guesses, sureness = tf.argmax(probabilities, -1).numpy(), tf.reduce_max(probabilities, -1).numpy()
    came = token_ids[0, 1:].numpy()
    special = {model.vocabulary.unknown_id, model.vocabulary.end_id}
    found: dict[bool, dict[str, dict[str, Any]]] = {True: {}, False: {}}
    for place in np.argsort(-sureness, kind="stable"):
        guess, is_right = words[guesses[place]], bool(guesses[place] == came[place])
        if special & {int(guesses[place]), int(came[place])} or place < _SHOWN or len(found[is_right]) == count:
            continue
        before = " ".join(words[word] for word in token_ids[0, place + 1 - _SHOWN : place + 1].numpy())
        example = {"before": before, "word": guess, "probability": round(float(sureness[place]), 4)}
        found[is_right].setdefault(guess, {**example, "came": words[came[place]]})
    return [*found[True].values(), *found[False].values()]
