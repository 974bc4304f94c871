"""KerasTuner's tuners: they survive trials that diverge, end hopeless ones, and go on where they were killed."""

import functools
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import keras_tuner
from keras_tuner.engine.trial import Trial

from rnnzoo.damaged_files import named_damage
from rnnzoo.models.arguments import whole
from rnnzoo.tuning.diagnosis.gradient_health import GradientHealth
from rnnzoo.tuning.search.conclusion import conclude, results_so_far
from rnnzoo.tuning.search.continuation import continued_trial, with_history
from rnnzoo.tuning.search.divergence import Divergence, DivergenceError
from rnnzoo.tuning.search.divergence_guard import DivergenceGuard, examine, means
from rnnzoo.tuning.search.durable_state import (
    DiskError,
    is_of_the_disk,
    make_durable,
    make_weights_durable,
    write_state,
)
from rnnzoo.tuning.search.keras_tuner_inside import SaveBestEpoch, convert_to_metrics_dict, is_worker
from rnnzoo.tuning.search.pruning import Pruner
from rnnzoo.tuning.search.pruning.curves import Curves
from rnnzoo.tuning.search.resumption import check_state, check_trials, mend
from rnnzoo.tuning.search.search_folder import BEGIN_ANEW
from rnnzoo.tuning.search.trial_course import CountSteps, TrialCourse, TrialStopped
from rnnzoo.tuning.search.trial_folder import Report, TrialFolder
from rnnzoo.tuning.search.trial_state import SaveTrialState, StateError, interrupted_state
from rnnzoo.tuning.search.workers.distributed_tuner import DistributedTuner

__all__ = ["DIVERGED_AT", "GuardedTuner"]

# What a diverged trial's metrics hold beside the objective: the share of its training that it has done.
DIVERGED_AT = "diverged_at"


class GuardedTuner(DistributedTuner):
    """A KerasTuner tuner whose trials may diverge, end early and be interrupted. All else is KerasTuner's own API.

    It goes in front of any tuner class, `class MyTuner(GuardedTuner, keras_tuner.RandomSearch)`, or takes an oracle as
    `keras_tuner.Tuner` does, and tunes any `HyperModel`, and whatever a `run_trial` of your own tunes:

    - A diverged trial ends at once, with a finite bad score.
    - A `pruner` ends trials that are worse than others were at the same moment. Such a trial still validates, and
      counts as completed with that score. By a loss above the divergence's bound none is judged: it may come back.
    - What the losses say of each trial, healthy, exploding, oscillating or stagnating, is in its folder.
    - A folder that exists is resumed: finished trials are not run again, an interrupted one goes on after its last
      epoch, also where the process was killed between the two files that KerasTuner writes per trial.

    What to know about KerasTuner: callbacks given to `search` are copied for each trial, so what they collect is in the
    copies, and what cannot be copied is refused. A score that is NaN fails a trial, which is why `divergence` has no
    default. A `HyperModel.fit` of your own must hand on `callbacks` to Keras's `fit` or call them, and, for interrupted
    trials to go on, `initial_epoch`, too; callbacks that remember, such as `EarlyStopping`, begin anew then. Where a
    trial has several executions, or its `fit` trains more than once, an interrupted one begins anew.

    Args:
        args: of the KerasTuner class.
        divergence: what counts as diverged, in the units of the user's own loss: there is no default.
        pruner: which trials end early; None (default), none.
        report_every: the steps between two reports to the pruner within an epoch, of the training loss; None (default),
            a twentieth of the trial's if the objective is `loss` or `val_loss`, and none of them otherwise.
        watch_gradients: whether gradients are watched, too, so that the verdict sees units that are dead or saturated;
            False, for it costs a second program for each trial and some of its steps.
        deadline: when all trials end and no other begins, in seconds since 1970; None (default), never.
        on_trial: called with each trial once it is over.
        kwargs: of the KerasTuner class.

    Raises:
        ValueError: if a diverged trial cannot be scored in terms of the objective, or Hyperband, which prunes by
            itself, gets a pruner.

    Example:
        >>> import keras, math, tempfile
        >>> class Fragile(keras_tuner.HyperModel):
        ...     def build(self, hp):
        ...         hp.Choice("learning_rate", [0.1, 100.0])
        ...         return keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
        ...     def fit(self, hp, model, **kwargs):
        ...         return math.nan if hp["learning_rate"] > 1 else 3.0
        >>> class Tuner(GuardedTuner, keras_tuner.GridSearch):
        ...     pass
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     tuner = Tuner(Fragile(), "val_loss", directory=folder, divergence=Divergence(bound=20.0))
        ...     tuner.search(verbose=0)
        >>> {trial.hyperparameters["learning_rate"]: float(trial.score) for trial in tuner.oracle.trials.values()}
        {0.1: 3.0, 100.0: 30.0}
    """

    run_trial: Any

    def __init__(
        self,
        *args: Any,
        divergence: Divergence,
        pruner: Pruner | None = None,
        report_every: int | None = None,
        watch_gradients: bool = False,
        deadline: float | None = None,
        on_trial: Callable[[Trial], None] | None = None,
        **kwargs: Any,
    ) -> None:
        if report_every is not None:
            report_every = whole("report_every", report_every, least=1)
        if pruner is not None and isinstance(self, keras_tuner.Hyperband):
            raise ValueError("hyperband ends trials by itself, so it takes no pruner, but got one.")
        self.divergence = divergence
        self.pruner = pruner
        self.report_every = report_every
        self.watch_gradients = watch_gradients
        self.deadline = deadline
        self.on_trial = on_trial
        super().__init__(*args, **kwargs)
        divergence.check_objective(self.oracle.objective)
        if isinstance(self.oracle, keras_tuner.Oracle):  # else a chief, who writes for all, has it
            make_durable(self.oracle)
            _end_at(deadline, self.oracle)
        self._curves = Curves(Path(self.project_dir))
        self._course: TrialCourse | None = None
        # Around whichever the class has: KerasTuner's, or one of a subclass, that need not know of us.
        self.run_trial = functools.partial(self._run_guarded, self.run_trial)

    def _run_guarded(self, run: Callable[..., Any], trial: Trial, *args: Any, **kwargs: Any) -> Any:
        values = dict(trial.hyperparameters.values)
        folder = self.trial_folder(trial.trial_id)
        outcome = folder.outcome()
        if outcome is not None and outcome.status != "failed" and outcome.values == values:
            return dict(outcome.metrics)  # it was over when the process was killed, and nobody had been told
        self._course = course = self._begin(folder, values)
        status, message, diverged = "completed", None, None
        try:
            self._check_predecessor(values)
            try:
                results = run(trial, *args, **kwargs)
            except StateError:
                folder.clear()
                self._course = course = self._begin(folder, values)
                results = run(trial, *args, **kwargs)
            examine(results, self.divergence, self.oracle.objective)  # of a run_trial that trains in a way of its own
        except DivergenceError as end:
            if course.stop is not None:  # it was not given the time to come back
                results = results_so_far(course, self.divergence)
            else:
                objective = self.oracle.objective
                results = {
                    objective.name: self.divergence.score(end.progress, objective.direction),
                    DIVERGED_AT: end.progress,
                }
                status, diverged = "diverged", end.reason
                trial.message = message = f"diverged: {end.reason}"
        except TrialStopped:
            results = results_so_far(course, self.divergence)
        except Exception as error:
            if isinstance(error, OSError) and is_of_the_disk(error):
                raise DiskError(error.errno, error.strerror, error.filename or str(folder.path)) from error
            conclude(course, values, "failed", f"{type(error).__name__}: {error}")
            raise
        if course.stop is not None and diverged is None:
            status = "pruned"
            trial.message = message = course.stop
        metrics = convert_to_metrics_dict(results, self.oracle.objective)
        conclude(course, values, status, message, diverged=diverged, metrics=means(metrics or {}))
        return results

    def on_batch_begin(self, trial: Trial, model: keras.Model, batch: int, logs: Any) -> None:
        super().on_batch_begin(trial, model, batch, logs)
        if self._course is not None:
            self._course.check_it_stopped()

    def on_batch_end(self, trial: Trial, model: keras.Model, batch: int, logs: Any = None) -> None:
        super().on_batch_end(trial, model, batch, logs)
        if self._course is not None:
            self._course.end_step(model, batch, logs or {})

    def on_epoch_end(self, trial: Trial, model: keras.Model, epoch: int, logs: Any = None) -> None:
        super().on_epoch_end(trial, model, epoch, logs)
        if self._course is not None:
            self._course.end_epoch(model, epoch, logs or {})

    def on_trial_end(self, trial: Trial) -> None:
        super().on_trial_end(trial)
        if self.on_trial is not None and not is_worker(self):
            self.on_trial(self.oracle.get_trial(trial.trial_id))

    def save(self) -> None:
        if not is_worker(self):
            self.oracle.save()
        write_state(self._get_tuner_fname(), self.get_state())

    def reload(self) -> None:
        project = Path(self.project_dir)
        with named_damage(project, BEGIN_ANEW, writer="KerasTuner"):
            check_state(Path(self._get_tuner_fname()))
            if not is_worker(self):
                check_trials(project, self.oracle)
            super().reload()
            mend(self.oracle)

    def trial_folder(self, trial_id: str) -> TrialFolder:
        """The folder of a trial, in which it says how far it is and what became of it."""
        return TrialFolder(Path(self.get_trial_dir(trial_id)))

    def _build_and_fit_model(self, trial: Trial, *args: Any, **kwargs: Any) -> Any:
        course = self._course
        assert course is not None
        course.check_it_stopped()  # in an execution before this one
        values = dict(trial.hyperparameters.values)
        execution = len(course.finished)
        for callback in kwargs.get("callbacks", ()):
            if isinstance(callback, SaveBestEpoch):
                make_weights_durable(callback)
        continued = continued_trial(course, values, self.hypermodel.fit, kwargs, self.oracle.objective)
        watchers = []
        if self.watch_gradients:
            course.health = GradientHealth(progress=False)
            watchers = [course.health]
        kwargs["callbacks"] = [
            *([] if continued is None else [continued]),
            *watchers,
            DivergenceGuard(
                self.divergence,
                self.oracle.objective,
                course.first_epoch,
                execution=execution,
                executions=self.executions_per_trial,
                step_loss=course.step_loss,
            ),
            CountSteps(course, execution, self.executions_per_trial),
            *kwargs.get("callbacks", ()),
            *([SaveTrialState(course, values, continued)] if self.executions_per_trial == 1 else []),
        ]
        results = super()._build_and_fit_model(trial, *args, **kwargs)
        if continued is not None:
            results = with_history(results, continued.history)
        examine(results, self.divergence, self.oracle.objective)
        course.finished.append(results)
        return results

    def _begin(self, folder: TrialFolder, values: Mapping[str, Any]) -> TrialCourse:
        state = interrupted_state(folder, values)
        first_epoch = int(values.get("tuner/initial_epoch", 0))
        if state is None:
            folder.clear()
        else:
            folder.forget_reports(after=state.facts["epoch"] - first_epoch)
        return TrialCourse(
            folder,
            self.oracle.objective,
            every=self.report_every,
            objection=functools.partial(self._objection, folder),
            deadline=self.deadline,
            first_epoch=first_epoch,
        )

    def _objection(self, folder: TrialFolder, reports: Sequence[Report]) -> str | None:
        latest = reports[-1]
        if self.pruner is None or _may_come_back(latest, self.divergence):
            return None
        sign = 1 if latest.measure == "loss" or self.oracle.objective.direction == "min" else -1
        return self.pruner.objection(reports, self._curves.others(folder), sign)

    def _check_predecessor(self, values: Mapping[str, Any]) -> None:
        """Hyperband trains on from the weights of a trial of the rung below; a diverged one has left none."""
        name = values.get("tuner/trial_id")
        outcome = None if name is None else self.trial_folder(name).outcome()
        if outcome is not None and outcome.status == "diverged":
            raise DivergenceError(f"so did trial {name}, from which this one goes on", 0.0)


def _end_at(deadline: float | None, oracle: Any) -> None:
    """Let an oracle hand out no new trial once a moment has passed."""
    if deadline is None:
        return
    populate = oracle.populate_space

    def populate_in_time(trial_id: str) -> dict[str, Any]:
        return {"status": "STOPPED", "values": None} if time.time() > deadline else populate(trial_id)

    oracle.populate_space = populate_in_time


def _may_come_back(report: Report, divergence: Divergence) -> bool:
    """Whether a loss is so high that it says nothing of the trial yet: in time it comes back, or counts as diverged."""
    return report.measure == "loss" and report.value is not None and report.value > divergence.bound
