"""The signs of how a network learns: what was seen at sampled steps, and the loss of every step."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import takewhile

__all__ = ["LayerSigns", "NonFinite", "Sample", "Signs", "VariableSigns"]


@dataclass(frozen=True, kw_only=True)
class VariableSigns:
    """One variable in one step.

    An optimizer that adds up the gradients of several steps (`gradient_accumulation_steps`) makes an update in the last
    of them alone, from their mean; in the others, and where a scaled loss has overflown, what belongs to an update is
    NaN: `clipped_norm`, `clipped` and `update_ratio`.

    Attributes:
        gradient_norm: of the gradient that the update is made from, before clipping; where there is no update, of the
            one that backpropagation gave.
        clipped_norm: of the gradient as the optimizer used it.
        clipped: whether the two differ, 0 or 1.
        weight_norm: of the variable after the step.
        update_ratio: the norm of the step's change to the norm of the variable.
        bad_gradients: how many entries of the gradient that backpropagation gave were NaN or infinite.
        bad_weights: how many of the variable's entries were, after the step.
    """

    gradient_norm: float
    clipped_norm: float
    clipped: float
    weight_norm: float
    update_ratio: float
    bad_gradients: float
    bad_weights: float


@dataclass(frozen=True, kw_only=True)
class LayerSigns:
    """One recurrent layer in one step.

    Attributes:
        dead: the share of units whose output was 0 at every step of every row of the batch.
        saturated: the share of units whose output was near ±1 at nine steps of ten.
        largest: the largest magnitude of any output.
    """

    dead: float
    saturated: float
    largest: float


@dataclass(frozen=True, kw_only=True)
class Sample:
    """What was seen in one step.

    Attributes:
        step: its number, from 1.
        variables, layers: by name, in the model's order.
    """

    step: int
    variables: Mapping[str, VariableSigns]
    layers: Mapping[str, LayerSigns]

    @property
    def gradient_norm(self) -> float:
        """The norm of all gradients together, before clipping; what `global_clipnorm` bounds."""
        return math.hypot(*(signs.gradient_norm for signs in self.variables.values()))

    @property
    def clipped_norm(self) -> float:
        return math.hypot(*(signs.clipped_norm for signs in self.variables.values()))

    @property
    def clipped(self) -> bool | None:
        """Whether the gradient of any variable was clipped; None if the step made no update."""
        known = [signs.clipped for signs in self.variables.values() if not math.isnan(signs.clipped)]
        return any(known) if known else None


@dataclass(frozen=True, kw_only=True)
class NonFinite:
    """Where numbers first stopped being finite.

    Attributes:
        what: "gradient", "weight" or "loss".
        name: of the variable, the first one in the model's order where several did in the same step; "loss".
        step: the step in which it was seen.
        others: how many other variables had such values in the same step.
    """

    what: str
    name: str
    step: int
    others: int = 0

    def __str__(self) -> str:
        where = self.name if self.what == "loss" else f"the {self.what} of {self.name}"
        others = f" (and of {self.others} more)" if self.others else ""
        return f"{where}{others} was not finite at step {self.step}"


@dataclass
class Signs:
    """All that was seen of a training run.

    Attributes:
        losses: of each step, by its number, in the order of the steps.
        samples: of the sampled steps, in their order.
        first_non_finite: where numbers first stopped being finite, if they did.
        learnt: the batches that the optimizer had learnt from after a step, where they are more or fewer than the
            steps: it was another one before, or has passed over scaled losses that overflew.

    Example:
        >>> signs = Signs()
        >>> signs.losses[1] = 2.5
        >>> signs.clipped_share is None
        True
    """

    losses: dict[int, float] = field(default_factory=dict)
    samples: list[Sample] = field(default_factory=list)
    first_non_finite: NonFinite | None = None
    learnt: dict[int, int] = field(default_factory=dict)

    @property
    def clipped_share(self) -> float | None:
        """The share of the sampled steps in which a gradient was clipped, of those that made an update."""
        known = [sample.clipped for sample in self.samples if sample.clipped is not None]
        return sum(known) / len(known) if known else None

    def notice(self, sample: Sample) -> None:
        """Add a sample."""
        self.samples.append(sample)
        for what in ("gradient", "weight"):
            bad = [name for name, signs in sample.variables.items() if getattr(signs, f"bad_{what}s")]
            if bad and self.first_non_finite is None:
                self.first_non_finite = NonFinite(what=what, name=bad[0], step=sample.step, others=len(bad) - 1)

    def step_after(self, learnt: int) -> int:
        """The step after which the optimizer had learnt from so many batches.

        >>> Signs(losses={1: 2.5, 2: 2.0, 3: 2.0}, learnt={2: 1, 3: 2}).step_after(1)
        2
        """
        counts = {0: 0} | {step: self.learnt.get(step, step) for step in self.losses}
        last = max(step for step, count in counts.items() if count <= learnt)
        return last + learnt - counts[last]

    def forget_after(self, step: int) -> None:
        """Drop what was seen of later steps: a run that is resumed takes them again."""
        self.losses = {number: loss for number, loss in self.losses.items() if number <= step}
        self.learnt = {number: count for number, count in self.learnt.items() if number <= step}
        self.samples = [sample for sample in self.samples if sample.step <= step]
        if self.first_non_finite is not None and self.first_non_finite.step > step:
            self.first_non_finite = None

    def rows(self, after: int = 0) -> Iterator[tuple[int, str, str, float]]:
        """All numbers of the steps later than `after` as (step, name, measure, value), step by step."""
        # From behind, for a file is given the latest step alone, after every one.
        later = takewhile(lambda sample: sample.step > after, reversed(self.samples))
        samples = {sample.step: sample for sample in later}
        losses = takewhile(lambda number: number > after, reversed(self.losses))
        for step in sorted({*losses, *samples}):
            if step in self.losses:
                yield step, "loss", "loss", self.losses[step]
            if step in self.learnt:
                yield step, "optimizer", "batches_learnt", self.learnt[step]
            if step in samples:
                groups: Mapping[str, VariableSigns | LayerSigns] = {**samples[step].variables, **samples[step].layers}
                for name, signs in groups.items():
                    for measure, value in vars(signs).items():
                        yield step, name, measure, value
