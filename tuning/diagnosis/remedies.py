"""What to try against what ails a network, in order: for each verdict the likeliest cure first."""

from collections.abc import Callable, Mapping
from typing import Any

from rnnzoo.models.architectures import ARCHITECTURES, NetworkConfig
from rnnzoo.tuning.diagnosis.evidence import Evidence
from rnnzoo.tuning.diagnosis.network_remedies import (
    bounded,
    bounded_start,
    gates,
    living_slope,
    normalisation,
    remembering_start,
    skip,
    slope_one,
)
from rnnzoo.tuning.diagnosis.remedy import Patient, Remedy
from rnnzoo.tuning.diagnosis.training_remedies import clip_higher, clip_lower, faster, slower, warm_up, window
from rnnzoo.tuning.diagnosis.verdict import MANY_UNITS, Verdict
from rnnzoo.tuning.training_config import TrainingConfig

__all__ = ["network_like", "remedies_for"]

_Make = Callable[[Patient], Remedy | None]


def remedies_for(
    verdict: Verdict,
    evidence: Evidence,
    network: NetworkConfig | None = None,
    training: TrainingConfig | None = None,
) -> tuple[Remedy, ...]:
    """What to try for the first finding of a verdict, the likeliest cure first; nothing where that is no ailment.

    What the network has already is left out.

    Args:
        verdict, evidence: from which `judge` made the verdict.
        network: its configuration; of a Keras model of another make, what `network_like` says. None is a plain tanh
            network.
        training: its configuration; None is Adam without clipping.

    Example:
        >>> from rnnzoo.tuning.diagnosis.verdict import judge
        >>> evidence = Evidence(factor=0.5)
        >>> for remedy in remedies_for(judge(evidence), evidence, NetworkConfig(network="lstm"), TrainingConfig()):
        ...     print(remedy.name, *remedy.arguments)
        initialiser --longest-lag 40
        normalisation --normalization layer
        gates skip_update_lstm
    """
    if training is None:
        training = TrainingConfig(global_clipnorm=None, learning_rate=evidence.learning_rate)
    patient = Patient(evidence, network or NetworkConfig(network="simple_rnn_tanh"), training)
    chosen = [make(patient) for make in _ORDERS[verdict.name](patient)]
    return tuple(remedy for remedy in chosen if remedy is not None)


def network_like(cell: Any) -> NetworkConfig:
    """The network of the zoo that has such a cell; of a cell that nobody knows, a plain tanh network.

    Args:
        cell: that of a layer of Keras or of the zoo.

    Example:
        >>> import keras
        >>> network_like(keras.layers.SimpleRNNCell(4, activation="relu")).network
        'simple_rnn_relu'
    """
    activation = getattr(getattr(cell, "activation", None), "__name__", None)
    layer = type(cell).__name__.removesuffix("Cell")
    alike = {row.options.get("activation"): name for name, row in ARCHITECTURES.items() if row.layer == layer}
    return NetworkConfig(network=alike.get(activation, alike.get(None, "simple_rnn_tanh")))


def _for_exploding(patient: Patient) -> tuple[_Make, ...]:
    cures: tuple[_Make, ...] = (clip_lower, bounded_start, normalisation, bounded, gates)
    return (slower, *cures) if patient.steps_too_far else (*cures, slower)


def _for_vanishing(patient: Patient) -> tuple[_Make, ...]:
    cures: tuple[_Make, ...] = (window, slope_one, remembering_start, normalisation, skip, gates)
    is_saturated = max(patient.evidence.saturated.values(), default=0.0) >= MANY_UNITS
    return (normalisation, slower, *(cure for cure in cures if cure is not normalisation)) if is_saturated else cures


def _for_stagnating(patient: Patient) -> tuple[_Make, ...]:
    return (clip_higher, faster, normalisation, gates)


_ORDERS: Mapping[str, Callable[[Patient], tuple[_Make, ...]]] = {
    "exploding": _for_exploding,
    "vanishing": _for_vanishing,
    "stagnating": _for_stagnating,
    "oscillating": lambda patient: (slower, clip_lower, warm_up, normalisation),
    "dead": lambda patient: (living_slope, normalisation, slower),
    "healthy": lambda patient: (),
    "unmeasured": lambda patient: (),
}
