"""How much each earlier word moved one prediction: the shading of a text."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from rnnzoo.models.language_model import LanguageModel
from rnnzoo.tuning.diagnosis.flow_results import as_json
from rnnzoo.tuning.diagnosis.layer_measurement import state_norms
from rnnzoo.tuning.diagnosis.traced_model import TracedModel

__all__ = ["WordInfluence", "word_influence"]


@dataclass(frozen=True, kw_only=True, eq=False)
class WordInfluence:
    """One prediction and what it came from; n words were read.

    Attributes:
        words: (n,) the words read, the first of which is `<eos>`.
        target: the word to be predicted after them.
        probability: what the network gave it.
        states: for each layer, (n,) `‖∂L/∂h_s‖` for the state after each word.
        inputs: (n,) `‖∂L/∂x_s‖` for the vector of each word itself, on all its ways to the prediction.
    """

    words: tuple[str, ...]
    target: str
    probability: float
    states: Mapping[str, npt.NDArray[np.float64]]
    inputs: npt.NDArray[np.float64]

    def as_dict(self) -> dict[str, Any]:
        """All of it for JSON."""
        result: dict[str, Any] = as_json(self)
        return result


def word_influence(model: LanguageModel, text: str, word: int = -1) -> WordInfluence:
    """Measure which words of a text moved the prediction of one of them.

    Args:
        model: what predicts.
        text: a text, which is read from an `<eos>` on.
        word: which word of it is predicted from those in front of it; the last.

    Raises:
        ValueError: if the text has no such word.

    Example:
        >>> from rnnzoo.models import NetworkConfig, Vocabulary
        >>> vocabulary = Vocabulary.from_lines([["to", "be", "or", "not"]])
        >>> model = LanguageModel(vocabulary, NetworkConfig(network="irnn", units=8))
        >>> influence = word_influence(model, "to be or not to be")
        >>> influence.words, influence.target, influence.inputs.shape
        (('<eos>', 'to', 'be', 'or', 'not', 'to'), 'be', (6,))
    """
    vocabulary = model.vocabulary
    ids, words = vocabulary.encode(text), vocabulary.split(text)
    if not -len(words) <= word < len(words):
        raise ValueError(f"word must be one of the text's {len(words)} words, but got {word=}.")
    index = word % len(words)
    inputs = np.array([[vocabulary.end_id, *ids[:index]]], np.int32)
    traced = TracedModel(model, inputs)
    ((losses, recordings),) = traced.run(inputs, np.array([ids[index]], np.int32))
    return WordInfluence(
        words=(vocabulary.words[vocabulary.end_id], *words[:index]),
        target=words[index],
        probability=float(np.exp(-losses.numpy()[0])),
        states={
            layer.name: state_norms(recording.d_states[0], step.units)[0, ::-1]
            for layer, step, recording in zip(traced.layers, traced.steps, recordings, strict=True)
        },
        inputs=np.linalg.norm(recordings[0].d_sequence.numpy()[:, 0], axis=-1),
    )
