"""The gradient over lag and time: one row for each of many words on end, one column for each lag."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from rnnzoo.models.arguments import whole
from rnnzoo.tuning.diagnosis.flow_results import as_json
from rnnzoo.tuning.diagnosis.gradient_flows import check_known
from rnnzoo.tuning.diagnosis.layer_measurement import state_norms
from rnnzoo.tuning.diagnosis.single_losses import Loss
from rnnzoo.tuning.diagnosis.text_windows import TextWindows, check_tokens
from rnnzoo.tuning.diagnosis.traced_model import TracedModel

__all__ = ["LagTimeMap", "lag_time_map"]


@dataclass(frozen=True, kw_only=True, eq=False)
class LagTimeMap:
    """`‖∂L_t/∂h_{t-k}‖` over t and k.

    Attributes:
        norms: for each layer, (words, lags + 1), lag 0 first.
        positions: (words,) the places t in the corpus.
        targets: (words,) the ids that were to be predicted.
    """

    norms: Mapping[str, npt.NDArray[np.float64]]
    positions: npt.NDArray[np.int64]
    targets: npt.NDArray[np.int32]

    def as_dict(self) -> dict[str, Any]:
        """All of it for JSON."""
        result: dict[str, Any] = as_json(self)
        return result


def lag_time_map(
    model: keras.Model,
    tokens: npt.NDArray[np.integer],
    *,
    lags: int = 50,
    words: int = 100,
    start: int | None = None,
    warm_up: int = 50,
    loss: Loss | None = None,
) -> LagTimeMap:
    """Measure a passage of a corpus, word by word: where a network looks back far, and where it does not.

    Args:
        model, warm_up, loss: as in `gradient_flow`.
        tokens: (tokens,) ids of a corpus.
        lags: how many words back to look; 50 is what a picture can show.
        words: how many words on end are predicted.
        start: the place of the first one's predecessor; the first that has its lags and its warm-up in front.

    Raises:
        ValueError: as `gradient_flow`, or if the passage does not lie in the corpus.

    Example:
        >>> from rnnzoo.models import LanguageModel, NetworkConfig, Vocabulary
        >>> vocabulary = Vocabulary.from_lines([["to", "be", "or", "not"]])
        >>> model = LanguageModel(vocabulary, NetworkConfig(network="irnn", units=8))
        >>> lag_time_map(model, np.arange(100) % 6, lags=10, words=5).norms["irnn_0"].shape
        (5, 11)
    """
    for name, count in (("lags", lags), ("words", words)):
        whole(name, count, least=1)
    tokens = check_tokens(tokens)
    last_start = len(tokens) - 1 - words
    start = min(lags + warm_up, last_start) if start is None else start
    if not lags <= start <= last_start:
        raise ValueError(
            f"the passage must lie in the corpus with its lags in front, but got {start=}, {lags=}, {words=} for "
            f"{len(tokens)} tokens."
        )
    windows = TextWindows.ending_at(tokens, start + np.arange(words), lags, warm_up)
    check_known(model, windows.inputs)
    traced = TracedModel(model, windows.inputs[:1], loss)
    parts: dict[str, list[npt.NDArray[np.float64]]] = {layer.name: [] for layer in traced.layers}
    for losses, recordings in traced.run(windows.inputs, windows.targets):
        for layer, step, recording in zip(traced.layers, traced.steps, recordings, strict=True):
            parts[layer.name].append(state_norms(recording.d_states[0], step.units)[: len(losses), : lags + 1])
    return LagTimeMap(
        norms={name: np.concatenate(norms) for name, norms in parts.items()},
        positions=windows.positions,
        targets=windows.targets,
    )
