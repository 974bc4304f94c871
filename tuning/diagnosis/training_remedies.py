"""Remedies that change how a network learns: the window, the clipping, the learning rate and its schedule.

Each is None where training has it already, or has no use for it.
"""

from collections.abc import Mapping

from rnnzoo.tuning.diagnosis.remedy import Patient, Remedy, flags, rounded
from rnnzoo.tuning.training_config import TrainingConfig

__all__ = ["clip_higher", "clip_lower", "faster", "slower", "warm_up", "window"]

_CLASSES: Mapping[str, str] = {"adam": "Adam", "sgd": "SGD", "rmsprop": "RMSprop"}


def window(patient: Patient) -> Remedy | None:
    """For a window that ends before the lag that is needed."""
    lag = patient.evidence.needed_lag
    if patient.training.window >= lag:
        return None
    return Remedy(
        name="window",
        reason=f"no gradient flows back further than the window, {patient.training.window} steps.",
        arguments=flags({"window": 2 * lag}),
        keras=f"rnnzoo.tuning.ContiguousBatches(tokens, batch_size={patient.training.batch_size}, window={2 * lag})",
    )


def _clip_near(patient: Patient) -> Remedy | None:
    """At the lower quartile of the norms seen: those of an explosion are no guide."""
    norms = sorted(norm for norm in patient.evidence.gradient_norms if 0 < norm < float("inf"))
    threshold = rounded(norms[len(norms) // 4]) if norms else 1.0
    present = patient.training.global_clipnorm
    if present is not None and 0.5 * present <= threshold <= 2 * present:
        return None
    return Remedy(
        name="clipping",
        reason=f"the gradients' norms were about {threshold:g}; longer ones are cut to that (Pascanu et al. 2013)."
        if norms
        else "longer gradients are cut to a norm of 1 (Pascanu et al. 2013).",
        arguments=flags({"global_clipnorm": threshold}),
        keras=_optimizer(patient.training, clipping={"global_clipnorm": threshold}),
    )


def clip_lower(patient: Patient) -> Remedy | None:
    """For what must not grow: a threshold that is above the present one would be no help."""
    remedy, present = _clip_near(patient), patient.training.global_clipnorm
    if remedy is None or (present is not None and float(remedy.arguments[1]) > present):
        return None
    return remedy


def clip_higher(patient: Patient) -> Remedy | None:
    """For what is held back by its clipping."""
    if (patient.evidence.clipped_share or 0.0) < 0.9 or not patient.training.clipping:
        return None
    return _clip_near(patient)


def slower(patient: Patient) -> Remedy:
    """For steps that overshoot."""
    return _rate(patient, 0.1, "a tenth of", "steps that overshoot undo each other")


def faster(patient: Patient) -> Remedy:
    """For steps that lead nowhere yet."""
    return _rate(patient, 10.0, "ten times", "the steps are too short to see")


def warm_up(patient: Patient) -> Remedy | None:
    """For a rate that is too high at first, or in the end."""
    if patient.training.schedule == "cosine":
        return None
    peak = rounded(patient.training.rate)
    return Remedy(
        name="schedule",
        reason="a learning rate that rises first and falls to 0 (Loshchilov & Hutter 2017).",
        arguments=flags({"schedule": "cosine"}),
        keras=_optimizer(
            patient.training,
            f"keras.optimizers.schedules.CosineDecay(0.0, 10_000, warmup_target={peak:g}, warmup_steps=500)",
        ),
    )


def _rate(patient: Patient, factor: float, how: str, why: str) -> Remedy:
    """Both rates, where the recurrent layers have one of their own: it follows the other's schedule."""
    training = patient.training
    rates = {"learning_rate": training.rate}
    if training.recurrent_learning_rate is not None:
        rates["recurrent_learning_rate"] = training.recurrent_learning_rate
    scaled = {name: rounded(rate * factor) for name, rate in rates.items()}
    return Remedy(
        name="learning rate",
        reason=f"{how} {' and '.join(f'{rate:g}' for rate in rates.values())}: {why}.",
        arguments=flags(scaled),
        keras=_optimizer(training, str(float(scaled["learning_rate"]))),
    )


def _optimizer(training: TrainingConfig, rate: str | None = None, clipping: Mapping[str, float] | None = None) -> str:
    """The optimizer of a training in Keras's words, with another learning rate or another clipping."""
    name, options = f"keras.optimizers.{_CLASSES[training.optimizer]}", [f"learning_rate={rate or training.rate}"]
    if training.recurrent_learning_rate is not None:
        name = "rnnzoo.tuning.SGDAroundAdam"
        options += [
            f"adam_share={rounded(training.recurrent_learning_rate / training.rate)}",
            "adam_paths=[weight.path for layer in layers for weight in layer.trainable_variables]",
        ]
    options += [f"{way}={float(value)}" for way, value in (clipping or training.clipping).items()]
    return f"{name}({', '.join(options)})"
