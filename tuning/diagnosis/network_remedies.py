"""Remedies that change the network: another activation, another start, normalisation, skip connections, gates.

Each is None where the network has it already, or has no use for it.
"""

from rnnzoo.models.architectures import ARCHITECTURES
from rnnzoo.tuning.diagnosis.remedy import Patient, Remedy, flags

__all__ = [
    "bounded",
    "bounded_start",
    "gates",
    "living_slope",
    "normalisation",
    "remembering_start",
    "skip",
    "slope_one",
]


def slope_one(patient: Patient) -> Remedy | None:
    """For tanh, whose slope is below 1 all but at 0."""
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


def living_slope(patient: Patient) -> Remedy | None:
    """For units that put out nothing but 0, and so get no gradient that could wake them."""
    if patient.network.network == "simple_rnn_leaky_relu":
        return None
    return Remedy(
        name="activation",
        reason="the leaky ReLU has a slope below zero, too, so that no unit dies (Maas et al. 2013).",
        arguments=patient.become("simple_rnn_leaky_relu"),
        keras='rnnzoo.models.SimpleRNN(units, activation="leaky_relu", negative_slope=0.2)',
    )


def bounded(patient: Patient) -> Remedy | None:
    """For units whose output has no end."""
    if not ARCHITECTURES[patient.network.network].rectified:
        return None
    return Remedy(
        name="activation",
        reason="tanh ends at 1: its states cannot blow up, though its gradients may vanish.",
        arguments=patient.become("simple_rnn_tanh"),
        keras='rnnzoo.models.SimpleRNN(units, activation="tanh")',
    )


def remembering_start(patient: Patient) -> Remedy | None:
    """For what forgets before it has learnt anything: gates that begin open, kernels that begin as the identity."""
    network, lag = patient.network, 2 * patient.evidence.needed_lag
    architecture = ARCHITECTURES[network.network]
    if architecture.family == "gated":
        if architecture.chrono is None or (network.longest_lag is not None and network.longest_lag >= lag):
            return None
        return Remedy(
            name="initialiser",
            reason=f"biases that let gates remember for up to {lag} steps (chrono, Tallec & Ollivier 2018).",
            arguments=flags({"longest_lag": max(3, lag)}),
            keras=f"rnnzoo.models.{architecture.layer}(units, "
            f"bias_initializer=rnnzoo.models.initializers.{architecture.chrono}({max(3, lag)}))",
        )
    if network.network == "irnn":
        if network.recurrent_scale in (None, 1.0):
            return None
        return Remedy(
            name="initialiser",
            reason="the identity itself carries everything (Le, Jaitly & Hinton 2015).",
            arguments=flags({"recurrent_scale": 1.0}),
            keras="rnnzoo.models.IRNN(units, scale=1.0)",
        )
    if network.recurrent_initializer == "identity" and network.recurrent_scale in (None, 1.0):
        return None
    return Remedy(
        name="initialiser",
        reason="a recurrent kernel that starts as the identity keeps what is known (Le, Jaitly & Hinton 2015).",
        arguments=flags({"recurrent_initializer": "identity", "recurrent_scale": 1.0}),
        keras="rnnzoo.models.IRNN(units)",
    )


def bounded_start(patient: Patient) -> Remedy | None:
    """For a recurrent kernel that stretches what it is multiplied with before any step is made."""
    network = patient.network
    wanted = "np_rnn" if ARCHITECTURES[network.network].rectified else "orthogonal"
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


def normalisation(patient: Patient) -> Remedy | None:
    """For sums that leave the range in which an activation has a slope, whichever way."""
    if patient.network.normalization is not None:
        return None
    layer = ARCHITECTURES[patient.network.network].layer
    return Remedy(
        name="normalisation",
        reason="layer normalisation inside the recurrence keeps every step's sums in the range where slopes are "
        "large and states do not grow (Ba et al. 2016).",
        arguments=flags({"normalization": "layer"}),
        keras=f'rnnzoo.models.{layer}(units, normalization="layer")',
    )


def skip(patient: Patient) -> Remedy | None:
    """For plain networks, whose gradient has to take every step."""
    if ARCHITECTURES[patient.network.network].family != "plain":
        return None
    skip = max(2, patient.evidence.needed_lag // 4)
    return Remedy(
        name="skip connection",
        reason=f"an edge from {skip} steps back: gradients cross {skip} steps in one product (Zhang et al. 2016).",
        arguments=patient.become("skip_rnn", skip=skip),
        keras=f"rnnzoo.models.SkipRNN(units, skip={skip})",
    )


def gates(patient: Patient) -> Remedy | None:
    """For what nothing smaller has cured: another network, or, of one with gates, the one that skips whole steps."""
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
