"""What to try against what ails a network, in order, each as the exact argument."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from rnnzoo.models.architectures import ARCHITECTURES, NetworkConfig
from rnnzoo.tuning.diagnosis.evidence import Evidence
from rnnzoo.tuning.diagnosis.verdict import GROWN, MANY_UNITS, Verdict
from rnnzoo.tuning.training_config import TrainingConfig

__all__ = ["Remedy", "remedies_for"]

GATED = ("lstm", "gru", "skip_update_lstm", "skip_update_gru")
RECTIFIED = ("simple_rnn_relu", "simple_rnn_leaky_relu", "irnn")
LONG_UPDATE = 0.1  # of the weights in one step: a hundred times what is usual


@dataclass(frozen=True, kw_only=True)
class Remedy:
    """One thing to try.

    Attributes:
        name: "activation", "initialiser", "normalisation", "skip connection", "gates", "clipping", "learning rate",
            "schedule" or "window".
        reason: what it does, with its source.
        arguments: of `rnnzoo train`; after `--repeat RUN` they change just this.
        keras: the same in Keras, an expression in which `units` is the size of the layer, `tokens` the corpus.
    """

    name: str
    reason: str
    arguments: tuple[str, ...]
    keras: str


@dataclass(frozen=True)
class _Patient:
    """What a remedy is chosen for."""

    evidence: Evidence
    network: NetworkConfig
    training: TrainingConfig

    def become(self, network: str, **options: Any) -> tuple[str, ...]:
        """The arguments that make this network another one, without the options that the other does not know."""
        useless = {
            name: None
            for name in frozenset().union(*(row.takes for row in ARCHITECTURES.values())) - ARCHITECTURES[network].takes
            if getattr(self.network, name) is not None
        }
        initializer = options.get("recurrent_initializer", self.network.recurrent_initializer)
        if self.network.recurrent_scale is not None and network != "irnn" and initializer != "identity":
            useless["recurrent_scale"] = None
        return (() if network == self.network.network else (network,)) + _flags({**useless, **options})

    @property
    def starts_too_large(self) -> bool:
        """Whether the gradient grew before any step was made, so that no learning rate is to blame."""
        return (self.evidence.left_at_first or 0.0) >= GROWN

    @property
    def steps_too_far(self) -> bool:
        if self.evidence.first_factor is not None:
            return not self.starts_too_large
        return (self.evidence.update_ratio or 0.0) >= LONG_UPDATE


def remedies_for(
    verdict: Verdict,
    evidence: Evidence,
    network: NetworkConfig | None = None,
    training: TrainingConfig | None = None,
) -> tuple[Remedy, ...]:
    """What to try for the first finding of a verdict, the likeliest cure first; nothing for a healthy network.

    What the network has already is left out.

    Args:
        verdict, evidence: from which `judge` made the verdict.
        network, training: the configurations; for a Keras model of another make None, a plain tanh network that is
            trained by Adam.

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
    patient = _Patient(evidence, network or NetworkConfig(network="simple_rnn_tanh"), training)
    chosen = [make(patient) for make in _ORDERS[verdict.name](patient)]
    return tuple(remedy for remedy in chosen if remedy is not None)


_Make = Callable[[_Patient], Remedy | None]


def _window(patient: _Patient) -> Remedy | None:
    lag = patient.evidence.needed_lag
    if patient.training.window >= lag:
        return None
    return Remedy(
        name="window",
        reason=f"no gradient flows back further than the window, {patient.training.window} steps.",
        arguments=_flags({"window": 2 * lag}),
        keras=f"rnnzoo.tuning.ContiguousBatches(tokens, batch_size={patient.training.batch_size}, window={2 * lag})",
    )


def _slope_one(patient: _Patient) -> Remedy | None:
    if patient.network.network not in ("simple_rnn_tanh", "skip_rnn"):
        return None
    options = {} if patient.network.normalization else {"normalization": "layer"}
    return Remedy(
        name="activation",
        reason="ReLU passes gradients with slope 1 where tanh shrinks them; normalised, lest it blow up "
        "(Nair & Hinton 2010).",
        arguments=patient.become("simple_rnn_relu", **options),
        keras='rnnzoo.models.SimpleRNN(units, activation="relu", normalization="layer")',
    )


def _living_slope(patient: _Patient) -> Remedy | None:
    if patient.network.network == "simple_rnn_leaky_relu":
        return None
    return Remedy(
        name="activation",
        reason="the leaky ReLU has a slope below zero, too, so that no unit dies (Maas et al. 2013).",
        arguments=patient.become("simple_rnn_leaky_relu"),
        keras='rnnzoo.models.SimpleRNN(units, activation="leaky_relu", negative_slope=0.2)',
    )


def _bounded(patient: _Patient) -> Remedy | None:
    if patient.network.network not in RECTIFIED:
        return None
    return Remedy(
        name="activation",
        reason="tanh ends at 1: its states cannot blow up, though its gradients may vanish.",
        arguments=patient.become("simple_rnn_tanh"),
        keras='rnnzoo.models.SimpleRNN(units, activation="tanh")',
    )


def _remembering_start(patient: _Patient) -> Remedy | None:
    network, lag = patient.network, 2 * patient.evidence.needed_lag
    if network.network in GATED:
        layer = "LSTM" if "lstm" in network.network else "GRU"
        if network.longest_lag is not None and network.longest_lag >= lag:
            return None
        return Remedy(
            name="initialiser",
            reason=f"biases that let gates remember for up to {lag} steps (chrono, Tallec & Ollivier 2018).",
            arguments=_flags({"longest_lag": max(3, lag)}),
            keras=f"rnnzoo.models.{layer}(units, "
            f"bias_initializer=rnnzoo.models.initializers.Chrono{layer}({max(3, lag)}))",
        )
    if network.network == "irnn":
        if network.recurrent_scale in (None, 1.0):
            return None
        return Remedy(
            name="initialiser",
            reason="the identity itself carries everything (Le, Jaitly & Hinton 2015).",
            arguments=_flags({"recurrent_scale": 1.0}),
            keras="rnnzoo.models.IRNN(units, scale=1.0)",
        )
    if network.recurrent_initializer == "identity" and network.recurrent_scale in (None, 1.0):
        return None
    return Remedy(
        name="initialiser",
        reason="a recurrent kernel that starts as the identity keeps what is known (Le, Jaitly & Hinton 2015).",
        arguments=_flags({"recurrent_initializer": "identity", "recurrent_scale": 1.0}),
        keras="rnnzoo.models.IRNN(units)",
    )


def _bounded_start(patient: _Patient) -> Remedy | None:
    network = patient.network
    wanted = "np_rnn" if network.network in RECTIFIED else "orthogonal"
    if network.recurrent_initializer == wanted or (wanted == "orthogonal" and network.recurrent_initializer is None):
        return None
    reasons = {
        "np_rnn": "a recurrent kernel with no eigenvalue above 1 (np-RNN, Talathi & Vartak 2015).",
        "orthogonal": "an orthogonal recurrent kernel: no singular value is above 1.",
    }
    expressions = {
        "np_rnn": 'rnnzoo.models.SimpleRNN(units, activation="relu", '
        "recurrent_initializer=rnnzoo.models.initializers.NonNegativeProduct())",
        "orthogonal": 'keras.layers.SimpleRNN(units, recurrent_initializer="orthogonal")',
    }
    return Remedy(
        name="initialiser",
        reason=reasons[wanted],
        arguments=patient.become(network.network, recurrent_initializer=wanted)
        + (("--recurrent-scale", "none") if network.recurrent_scale is not None else ()),
        keras=expressions[wanted],
    )


def _normalisation(patient: _Patient) -> Remedy | None:
    if patient.network.normalization is not None:
        return None
    layer = ARCHITECTURES[patient.network.network].layer
    return Remedy(
        name="normalisation",
        reason="layer normalisation inside the recurrence keeps every step's sums in the range where slopes are "
        "large and states do not grow (Ba et al. 2016).",
        arguments=_flags({"normalization": "layer"}),
        keras=f'rnnzoo.models.{layer}(units, normalization="layer")',
    )


def _skip(patient: _Patient) -> Remedy | None:
    if patient.network.network in (*GATED, "skip_rnn"):
        return None
    skip = max(2, patient.evidence.needed_lag // 4)
    return Remedy(
        name="skip connection",
        reason=f"an edge from {skip} steps back: gradients cross {skip} steps in one product (Zhang et al. 2016).",
        arguments=patient.become("skip_rnn", skip=skip),
        keras=f"rnnzoo.models.SkipRNN(units, skip={skip})",
    )


def _gates(patient: _Patient) -> Remedy | None:
    network = patient.network.network
    wanted = {"lstm": "skip_update_lstm", "gru": "skip_update_gru"}.get(network, "gru")
    if network.startswith("skip_update"):
        return None
    return Remedy(
        name="gates",
        reason="gates add to the state instead of multiplying it (Hochreiter & Schmidhuber 1997; Cho et al. 2014)."
        if wanted == "gru"
        else "steps that are skipped shrink nothing (Campos et al. 2018).",
        arguments=patient.become(wanted),
        keras=f"rnnzoo.models.{ARCHITECTURES[wanted].layer}(units)",
    )


def _clip_near(patient: _Patient) -> Remedy | None:
    """At the lower quartile of the norms seen: those of an explosion are no guide."""
    norms = sorted(norm for norm in patient.evidence.gradient_norms if 0 < norm < float("inf"))
    threshold = _rounded(norms[len(norms) // 4]) if norms else 1.0
    present = patient.training.global_clipnorm
    if present is not None and 0.5 * present <= threshold <= 2 * present:
        return None
    return Remedy(
        name="clipping",
        reason=f"the gradients' norms were about {threshold:g}; longer ones are cut to that (Pascanu et al. 2013)."
        if norms
        else "longer gradients are cut to a norm of 1 (Pascanu et al. 2013).",
        arguments=_flags({"global_clipnorm": threshold}),
        keras=_optimizer(patient.training, {"global_clipnorm": threshold}),
    )


def _clip_lower(patient: _Patient) -> Remedy | None:
    """For what must not grow: a threshold that is above the present one would be no help."""
    remedy, present = _clip_near(patient), patient.training.global_clipnorm
    if remedy is None or (present is not None and float(remedy.arguments[1]) > present):
        return None
    return remedy


def _clip_higher(patient: _Patient) -> Remedy | None:
    """For what is held back by its clipping."""
    if (patient.evidence.clipped_share or 0.0) < 0.9 or not patient.training.clipping:
        return None
    return _clip_near(patient)


def _slower(patient: _Patient) -> Remedy:
    rate = _rounded(patient.training.rate / 10)
    return Remedy(
        name="learning rate",
        reason=f"a tenth of {patient.training.rate:g}: steps that overshoot undo each other.",
        arguments=_flags({"learning_rate": rate}),
        keras=_optimizer(patient.training, patient.training.clipping, rate),
    )


def _faster(patient: _Patient) -> Remedy:
    rate = _rounded(patient.training.rate * 10)
    return Remedy(
        name="learning rate",
        reason=f"ten times {patient.training.rate:g}: the steps are too short to see.",
        arguments=_flags({"learning_rate": rate}),
        keras=_optimizer(patient.training, patient.training.clipping, rate),
    )


def _warm_up(patient: _Patient) -> Remedy | None:
    if patient.training.schedule == "cosine":
        return None
    rate = _rounded(patient.training.rate)
    name = patient.training.optimizer
    return Remedy(
        name="schedule",
        reason="a learning rate that rises first and falls to 0 (Loshchilov & Hutter 2017).",
        arguments=_flags({"schedule": "cosine"}),
        keras=f"{_OPTIMIZER_CLASSES[name]}(learning_rate=keras.optimizers.schedules.CosineDecay("
        f"0.0, 10_000, warmup_target={rate:g}, warmup_steps=500))",
    )


def _for_exploding(patient: _Patient) -> tuple[_Make, ...]:
    cures: tuple[_Make, ...] = (_clip_lower, _bounded_start, _normalisation, _bounded, _gates)
    return (_slower, *cures) if patient.steps_too_far else (*cures, _slower)


def _for_vanishing(patient: _Patient) -> tuple[_Make, ...]:
    cures: tuple[_Make, ...] = (_window, _slope_one, _remembering_start, _normalisation, _skip, _gates)
    is_saturated = max(patient.evidence.saturated.values(), default=0.0) >= MANY_UNITS
    return (_normalisation, _slower, *(cure for cure in cures if cure is not _normalisation)) if is_saturated else cures


def _for_stagnating(patient: _Patient) -> tuple[_Make, ...]:
    return (_clip_higher, _faster, _normalisation, _gates)


_ORDERS: Mapping[str, Callable[[_Patient], tuple[_Make, ...]]] = {
    "exploding": _for_exploding,
    "vanishing": _for_vanishing,
    "stagnating": _for_stagnating,
    "oscillating": lambda patient: (_slower, _clip_lower, _warm_up, _normalisation),
    "dead": lambda patient: (_living_slope, _normalisation, _slower),
    "healthy": lambda patient: (),
}

_OPTIMIZER_CLASSES = {
    "adam": "keras.optimizers.Adam",
    "sgd": "keras.optimizers.SGD",
    "rmsprop": "keras.optimizers.RMSprop",
}


def _optimizer(training: TrainingConfig, clipping: Mapping[str, float], rate: float | None = None) -> str:
    settings = {"learning_rate": training.rate if rate is None else rate, **clipping}
    named = ", ".join(f"{name}={float(value)}" for name, value in settings.items())
    return f"{_OPTIMIZER_CLASSES[training.optimizer]}({named})"


def _flags(options: Mapping[str, Any]) -> tuple[str, ...]:
    words = []
    for name, value in sorted(options.items()):
        if name == "dilated" and value is None:
            words.append("--no-dilated")
            continue
        shown = "none" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
        words += [f"--{name.replace('_', '-')}", shown]
    return tuple(words)


def _rounded(number: float) -> float:
    """Two digits are all that a threshold or a rate is known to."""
    return float(f"{number:.1e}")
