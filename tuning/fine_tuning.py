"""Training that goes on from a model that has learnt already."""

import os
from itertools import zip_longest

from rnnzoo.models.language_model import LanguageModel

__all__ = ["start_from"]


def start_from(model: LanguageModel, preset: str | os.PathLike[str]) -> None:
    """Give a language model the weights of a preset.

    The two may differ in what has no weights, such as dropout.

    Args:
        model: with the words of the preset, in the same order.
        preset: its name or its folder.

    Raises:
        FileNotFoundError: if there is no preset.
        ValueError: if it is broken, or a network of other words or other weights.
    """
    learnt = LanguageModel.from_preset(preset)
    if model.vocabulary.words != learnt.vocabulary.words:
        pairs = zip_longest(learnt.vocabulary.words, model.vocabulary.words)
        place, (wanted_word, word) = next((place, pair) for place, pair in enumerate(pairs) if pair[0] != pair[1])
        raise ValueError(
            f"a network that goes on from a preset must know the preset's words, but its {len(model.vocabulary)} words "
            f"are others than the {len(learnt.vocabulary)} of {preset}: word {place} is {word!r}, not {wanted_word!r}."
        )
    wanted, given = ([tuple(weight.shape) for weight in one.weights] for one in (model, learnt))
    if wanted != given:
        raise ValueError(
            f"a network that goes on from a preset must have the weights of its network, {learnt.config.network} of "
            f"{learnt.config.layers} × {learnt.config.units}, but got {model.config.network} of "
            f"{model.config.layers} × {model.config.units} with weights of other shapes."
        )
    for own, other in zip(model.weights, learnt.weights, strict=True):
        own.assign(other)
