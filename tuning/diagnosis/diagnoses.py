"""From a network and a text to its diagnosis: measurements, verdict and remedies."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from rnnzoo.models.architectures import NetworkConfig
from rnnzoo.models.arguments import whole
from rnnzoo.models.language_model import LanguageModel
from rnnzoo.tuning.diagnosis.evidence import SENTENCE, Evidence
from rnnzoo.tuning.diagnosis.flow_results import GradientFlow, as_json
from rnnzoo.tuning.diagnosis.gradient_flows import gradient_flow
from rnnzoo.tuning.diagnosis.lag_time_maps import LagTimeMap, lag_time_map
from rnnzoo.tuning.diagnosis.layers_of_models import recurrent_layers_of
from rnnzoo.tuning.diagnosis.remedies import network_like, remedies_for
from rnnzoo.tuning.diagnosis.remedy import Remedy
from rnnzoo.tuning.diagnosis.signs import Signs
from rnnzoo.tuning.diagnosis.verdict import Verdict, judge
from rnnzoo.tuning.diagnosis.word_influences import WordInfluence, word_influence
from rnnzoo.tuning.training_config import TrainingConfig

__all__ = ["Diagnosis", "diagnose"]

# What a picture of a passage can show: so many rows of words, so many columns of lags.
_MAP_WORDS, _MAP_LAGS = 40, 50
# Of the untrained network only the decay is asked for, which takes few positions.
_POSITIONS_BEFORE = 16


@dataclass(frozen=True, kw_only=True, eq=False)
class Diagnosis:
    """All that was measured of a network, and what follows.

    Attributes:
        name: what the network is called in tables and pictures.
        flow: how far back single losses reach.
        before: the same before training, or None.
        lag_time: the gradient over a passage of the text.
        targets: the words, or the ids, that were predicted in that passage.
        words: how much each word of a sample sentence moved its prediction; None without a sentence.
        signs: what `GradientHealth` saw while it was trained, or None.
        evidence: what the verdict was spoken on.
        verdict: what was found.
        remedies: what to try, in order.
        network: the configuration that the remedies change; None for a Keras model of another make.
    """

    name: str
    flow: GradientFlow
    before: GradientFlow | None
    lag_time: LagTimeMap
    targets: tuple[str, ...]
    words: WordInfluence | None
    signs: Signs | None
    evidence: Evidence
    verdict: Verdict
    remedies: tuple[Remedy, ...]
    network: NetworkConfig | None

    def as_dict(self) -> dict[str, Any]:
        """Every number for JSON: None stands for what is not a finite number."""
        described: dict[str, Any] = {name: as_json(value) for name, value in vars(self).items()}
        for name in ("flow", "before"):
            flow = getattr(self, name)
            described[name] = None if flow is None else flow.as_dict()
        described["evidence"]["half_life"] = as_json(self.evidence.half_life)
        described["evidence"]["left_of_gradient"] = as_json(self.evidence.left_of_gradient)
        return described


def diagnose(
    model: keras.Model,
    tokens: npt.NDArray[np.integer],
    *,
    name: str | None = None,
    text: str | None = None,
    signs: Signs | None = None,
    before: keras.Model | None = None,
    network: NetworkConfig | None = None,
    training: TrainingConfig | None = None,
    lags: int = 200,
    positions: int = 64,
    seed: int = 0,
    needed_lag: int = SENTENCE,
    progress: Callable[[str], None] | None = None,
) -> Diagnosis:
    """Measure how far back a network learns, judge it, and say what to try.

    Args:
        model: as for `gradient_flow`.
        tokens: (tokens,) ids of a text, best one that the network was not trained on.
        name: what to call it; the model's own name by default.
        text: a sentence whose last word is predicted from those in front of it; a language model of the zoo's only.
        signs: what `GradientHealth` saw while it was trained.
        before: the same network before training, so that a start that explodes is told from too long steps.
        network, training: its configurations, which the remedies change; a language model of the zoo brings its own
            network.
        lags, positions, seed: as for `gradient_flow`.
        needed_lag: how many words back the network is to learn from, `lags` at most; 20, an English sentence.
        progress: is told what is measured next.

    Raises:
        ValueError: as `gradient_flow`, if `needed_lag` is beyond `lags`, or for a text of fewer than two words.

    Example:
        >>> from rnnzoo.models import LanguageModel, NetworkConfig, Vocabulary
        >>> vocabulary = Vocabulary.from_lines([["to", "be", "or", "not"]])
        >>> model = LanguageModel(vocabulary, NetworkConfig(network="irnn", units=8))
        >>> diagnosis = diagnose(model, np.arange(100) % 6, text="to be or not to be", lags=20, positions=4)
        >>> diagnosis.verdict.name, diagnosis.words.target
        ('healthy', 'be')
    """
    lags, needed_lag = whole("lags", lags, least=1), whole("needed_lag", needed_lag, least=1)
    if needed_lag > lags:
        raise ValueError(f"lags must be at least needed_lag, what the verdict is on, but got {lags=}, {needed_lag=}.")
    tell = progress or (lambda line: None)
    tell("the gradient of single losses, lag by lag")
    flow = gradient_flow(model, tokens, lags=lags, positions=positions, seed=seed)
    flow_before = None
    if before is not None:
        tell("the same before training")
        few = min(positions, _POSITIONS_BEFORE)
        flow_before = gradient_flow(before, tokens, lags=lags, positions=few, seed=seed, jacobian_positions=1)
    tell("a passage, word by word")
    map_lags = min(lags, _MAP_LAGS)
    lag_time = lag_time_map(model, tokens, lags=map_lags, words=min(_MAP_WORDS, len(tokens) - 1 - map_lags))
    words = None
    targets = tuple(str(target) for target in lag_time.targets)
    if isinstance(model, LanguageModel):
        network = network or model.config
        targets = tuple(model.vocabulary.words[target] for target in lag_time.targets)
        if text is not None:
            if len(model.vocabulary.split(text)) < 2:
                raise ValueError(f"a sentence must have at least two words, but got {text=}.")
            tell("a sentence")
            words = word_influence(model, text)
    evidence = Evidence.gather(signs, flow, flow_before, needed_lag=needed_lag)
    verdict = judge(evidence)
    furthest = flow.layers.index(flow.furthest(needed_lag)[0])
    patient = network or network_like(recurrent_layers_of(model)[furthest].cell)
    return Diagnosis(
        name=name or model.name,
        flow=flow,
        before=flow_before,
        lag_time=lag_time,
        targets=targets,
        words=words,
        signs=signs,
        evidence=evidence,
        verdict=verdict,
        remedies=remedies_for(verdict, evidence, patient, training),
        network=network,
    )
