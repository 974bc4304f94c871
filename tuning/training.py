"""A training run: a network learns its task, in a folder that holds all that becomes of it."""

import os
from collections.abc import Sequence
from pathlib import Path

import keras
from rich.console import Console

from rnnzoo.atomic_files import recover_folder, write_json
from rnnzoo.models.architectures import NetworkConfig
from rnnzoo.tuning.adding_task import AddingTask
from rnnzoo.tuning.divergence import HaltOnDivergedValidation, HaltOnDivergence, TrainingDiverged
from rnnzoo.tuning.language_task import LanguageTask
from rnnzoo.tuning.optimization.learning_rate import ControlLearningRate
from rnnzoo.tuning.optimization.schedules import epochs_since_best
from rnnzoo.tuning.progress_bar import ProgressBar
from rnnzoo.tuning.runs.best_model import KeepBestModel
from rnnzoo.tuning.runs.checkpoints import read_checkpoint
from rnnzoo.tuning.runs.folder_lock import locked_folder
from rnnzoo.tuning.runs.interruption import deferred_interruption
from rnnzoo.tuning.runs.resumable_model import ResumableModel
from rnnzoo.tuning.runs.resuming import RestoreState, SaveCheckpoints
from rnnzoo.tuning.runs.run_folder import RunFolder
from rnnzoo.tuning.runs.run_progress import RunProgress, TrackProgress, WriteLog
from rnnzoo.tuning.task import Task
from rnnzoo.tuning.training_config import TrainingConfig

__all__ = ["train"]


def train(
    network: NetworkConfig,
    training: TrainingConfig,
    output: os.PathLike[str] | str,
    *,
    resume: bool = False,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    verbose: bool = True,
) -> RunFolder:
    """Train a network, keep the best model of all epochs, and evaluate it on the test split.

    The task is next-word prediction on a corpus or, where the corpus is "adding", the adding problem.

    Interrupted at any point, by Ctrl-C or by a power cut, and resumed, a run ends at the very weights that it would
    have ended at: on one machine, equal arguments give equal results. A finished run that is resumed stays as it is.

    Args:
        network: what learns.
        training: how it learns.
        output: the run's folder, see `RunFolder`.
        resume: go on with the run in `output` where its latest checkpoint is.
        callbacks: Keras callbacks of your own; they see the batches before the checkpoint pass, unlearnt, with no logs;
            the last of these has those of the checkpoint.
        verbose: show a progress bar and a line for each epoch, on standard error.

    Raises:
        FileExistsError: if `output` holds something and `resume` was not asked for.
        FileNotFoundError: if there is nothing to resume, or no such corpus.
        FolderInUseError: if another process trains in `output`.
        ValueError: if a run is resumed with another configuration or on a corpus that has changed.
        TrainingDiverged: if loss or weights stop being finite numbers, or an epoch ends far worse than a guess.
    """
    run = RunFolder(Path(output))
    if resume:
        run.check_is_resumable(network, training)
        if run.evaluation.exists():
            return run
    else:
        run.check_is_free()
    task_class = AddingTask if training.corpus == "adding" else LanguageTask
    task = task_class(network, training)
    with locked_folder(run.path):
        if resume:
            run.check_corpus(task.facts())
            recover_folder(run.model)
        else:
            run.check_is_free()  # still
        keras.utils.set_random_seed(training.seed)
        model = task.make_model()  # it may be refused: a preset's weights are others
        if not resume:
            run.create(network, training, task.facts())
        try:
            progress = _fit(task, model, run, callbacks, verbose)
        except TrainingDiverged as diverged:
            diverged.has_model = run.model.exists()
            raise
        best = progress.history[-1 - epochs_since_best(progress.validation_losses)]
        validation = {name.removeprefix("val_"): value for name, value in best.items() if name.startswith("val_")}
        test = task.evaluate(run.model)
        write_json(run.evaluation, {"epoch": best["epoch"], "validation": validation, "test": test})
    return run


def _fit(
    task: Task,
    model: ResumableModel,
    run: RunFolder,
    callbacks: Sequence[keras.callbacks.Callback],
    verbose: bool,
) -> RunProgress:
    training = task.training
    progress, restoring = RunProgress(), []
    if run.checkpoint.exists():
        checkpoint = read_checkpoint(run.checkpoint)
        progress, restoring = RunProgress(**checkpoint.facts), [RestoreState(checkpoint.arrays)]
    model.batches_to_skip = progress.step
    bar = ProgressBar(progress, task, Console(stderr=True, quiet=not verbose))
    with deferred_interruption() as interruption, bar:
        model.fit(
            task.batches,
            validation_data=task.validation,
            initial_epoch=progress.epoch,
            epochs=training.epochs,
            verbose=0,
            shuffle=False,
            callbacks=[
                *restoring,
                *task.callbacks,
                HaltOnDivergedValidation(task.loss_bound),
                TrackProgress(progress, task.amount, task.unit),
                ControlLearningRate(training, progress, int(task.batches.cardinality())),
                KeepBestModel(progress, run.model, task.save, training.patience),
                WriteLog(progress, run.log),
                keras.callbacks.TensorBoard(str(run.tensorboard), write_graph=False),
                *callbacks,
                HaltOnDivergence(),  # behind those that watch what goes wrong
                bar,
                SaveCheckpoints(run.checkpoint, progress, training.checkpoint_steps, interruption),
            ],
        )
    return progress
