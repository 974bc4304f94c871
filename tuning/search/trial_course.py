"""What is known of a trial while it runs: how far it is, its losses, its reports, and whether it is to end early."""

import math
import time
from collections.abc import Callable, Mapping
from typing import Any

import keras
import keras_tuner

from rnnzoo.tuning.diagnosis.evidence import Evidence
from rnnzoo.tuning.diagnosis.gradient_health import GradientHealth
from rnnzoo.tuning.diagnosis.step_loss import StepLoss
from rnnzoo.tuning.diagnosis.verdict import Finding, judge
from rnnzoo.tuning.search.trial_folder import Report, TrialFolder

__all__ = ["CountSteps", "TrialCourse", "TrialStopped"]

_REPORTS = 20  # of a trial, if nobody says how many steps lie between two
_LOSSES = ("loss", "val_loss")  # the objectives of which the loss of a step says something


class TrialStopped(Exception):  # noqa: N818 it is how a trial ends, no error
    """Ends a training loop that does not look at `model.stop_training`."""


class TrialCourse:
    """Follows one trial.

    Args:
        folder: where it reports.
        objective: the search's.
        every: steps between two reports within an epoch; None, a twentieth of the trial.
        objection: asked after each report whether the trial should end, and why; within an epoch only if the objective
            is a loss, or somebody said how many steps are between two reports.
        deadline: when all trials end, in seconds since 1970; None, never.
        first_epoch: the epoch that counts as the trial's first; above 0 where Hyperband goes on from another trial.

    Attributes:
        at: the epochs done, with fractions.
        of: the epochs planned.
        losses: of each step.
        finished: what its executions so far returned.
        stop: why the trial ends early; None while it does not.
        score: the latest value of the objective.
        begin: when it began, in seconds since 1970.
        seconds_before: how long it ran before an interruption.
        parameters: the number of the model's weights, once it is known.
        health: what watches the gradients, if anything does.
        step_loss: reads the loss of each step.
    """

    def __init__(
        self,
        folder: TrialFolder,
        objective: keras_tuner.Objective,
        *,
        every: int | None = None,
        objection: Callable[[list[Report]], str | None] = lambda reports: None,
        deadline: float | None = None,
        first_epoch: int = 0,
    ) -> None:
        self.folder = folder
        self.objective = objective
        self.every = every
        self.objection = objection
        self.deadline = deadline
        self.first_epoch = first_epoch
        self.at = 0.0
        self.of = 1.0
        self.losses: list[float] = []
        self.finished: list[Any] = []
        self.stop: str | None = None
        self.score: float | None = None
        self.begin = time.time()
        self.seconds_before = 0.0
        self.parameters: int | None = None
        self.health: GradientHealth | None = None
        self.step_loss = StepLoss()
        self._started = time.monotonic()
        self._steps: int | None = None
        self._epoch = first_epoch
        self._epochs_before = 0.0  # of the executions before
        self._reports: list[Report] = folder.reports()
        self._unreported: list[float] = []

    @property
    def seconds(self) -> float:
        """How long it has run."""
        return self.seconds_before + time.monotonic() - self._started

    @property
    def latest(self) -> float | None:
        """The score of a trial that ends now: its latest objective or, before there is a val_loss, its latest loss.

        None where there is neither: a loss says nothing of an objective in other units.
        """
        if self.score is not None and math.isfinite(self.score):
            return self.score
        for measure in (self.objective.name, *(("loss",) if self.objective.name in _LOSSES else ())):
            values = [report.value for report in self._reports if report.measure == measure]
            finite = [value for value in values if value is not None]
            if finite:
                return finite[-1]
        return None

    def begin_training(self, params: Mapping[str, Any], execution: int, executions: int) -> None:
        """`fit` begins, with Keras's parameters for callbacks."""
        epochs = params.get("epochs", 1) - self.first_epoch
        self._steps = params.get("steps")
        self._epochs_before = float(execution * epochs)
        self.of = float(executions * epochs)

    def begin_epoch(self, epoch: int) -> None:
        self._epoch = epoch
        self.step_loss.restart()

    def end_step(self, model: keras.Model, batch: int, logs: Mapping[str, Any]) -> None:
        """A step is over: note its loss, report if a report is due, and see whether the trial is to end."""
        _, loss = self.step_loss.read(model, batch, logs)
        if self.parameters is None and model.built:
            self.parameters = model.count_params()
        if loss is not None:
            self.losses.append(loss)
            self._unreported.append(loss)
        if self._steps is not None:
            self.at = self._epochs_before + self._epoch - self.first_epoch + (batch + 1) / self._steps
            if (batch + 1) % self._stride(self._steps) == 0 and batch + 1 < self._steps and self._unreported:
                self._report("loss", sum(self._unreported) / len(self._unreported))
                self._unreported = []
        if self.deadline is not None and time.time() > self.deadline and self.stop is None:
            self.stop = "ended early: the time budget is spent"
        if self.stop is not None:
            model.stop_training = True

    def end_epoch(self, model: keras.Model, epoch: int, logs: Mapping[str, Any]) -> None:
        """An epoch is over: report the objective, and see whether the trial is to end."""
        whole = epoch + 1 - self.first_epoch + self._epochs_before
        if self.stop is None or self._steps is None:
            self.at = whole
        self._unreported = []
        if self.objective.has_value(logs):
            self.score = float(self.objective.get_value(logs))
            self._report(self.objective.name, self.score)
        if self.stop is not None:
            model.stop_training = True

    def check_it_stopped(self) -> None:
        """Raise `TrialStopped` if a loop goes on that was asked to end."""
        if self.stop is not None:
            raise TrialStopped(self.stop)

    def verdict(self, diverged: str | None) -> Finding | None:
        """What the losses, and the gradients if they were watched, say of the training; None if they are too few.

        Args:
            diverged: why the trial counts as diverged, if it does.
        """
        if diverged is not None:
            reason = f"{diverged}; the rule: all losses must be finite, and come back below the search's bound."
            return Finding(name="exploding", reason=reason, numbers={})
        signs = None if self.health is None else self.health.signs
        finding = judge(Evidence.gather(signs, losses=tuple(self.losses))).findings[0]
        return None if finding.name == "unmeasured" else finding

    def _stride(self, steps: int) -> int:
        return self.every if self.every is not None else max(1, round(steps * self.of / _REPORTS))

    def _report(self, measure: str, value: float) -> None:
        report = Report(
            time=time.time(), at=self.at, of=self.of, measure=measure, value=value, parameters=self.parameters
        )
        self.folder.report(report)
        self._reports.append(report)
        tells = measure == self.objective.name or self.every is not None or self.objective.name in _LOSSES
        if tells and self.stop is None and self.at < self.of and math.isfinite(value):
            self.stop = self.objection(self._reports)


class CountSteps(keras.callbacks.Callback):
    """Tells a course how many steps and epochs there are, which KerasTuner's hooks are not told.

    Args:
        course: the trial's.
        execution, executions: which one of the trial's trainings this is, from 0, and how many there are.
    """

    def __init__(self, course: TrialCourse, execution: int, executions: int) -> None:
        super().__init__()
        self.course = course
        self.execution = execution
        self.executions = executions

    def on_train_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        self.course.begin_training(self.params, self.execution, self.executions)

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        self.course.begin_epoch(epoch)
