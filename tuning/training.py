"""A training run: a network learns a corpus, in a folder that holds all that becomes of it."""

import os
from collections.abc import Sequence
from pathlib import Path

import keras
from rich.console import Console

from rnnzoo.models.architectures import NetworkConfig
from rnnzoo.models.language_model import LanguageModel
from rnnzoo.models.vocabulary import Vocabulary
from rnnzoo.tuning.batches import ContiguousBatches
from rnnzoo.tuning.best_model import KeepBestModel
from rnnzoo.tuning.checkpoints import Checkpoint, read_checkpoint
from rnnzoo.tuning.devices import compiles_with_xla
from rnnzoo.tuning.divergence import HaltOnDivergence
from rnnzoo.tuning.evaluation import evaluate
from rnnzoo.tuning.interruption import deferred_interruption
from rnnzoo.tuning.learning_rate import ControlLearningRate
from rnnzoo.tuning.optimizers import make_optimizer
from rnnzoo.tuning.prepared_corpus import PreparedCorpus, prepare_corpus
from rnnzoo.tuning.progress_bar import ProgressBar
from rnnzoo.tuning.resuming import RestoreState, SaveCheckpoints
from rnnzoo.tuning.run_folder import RunFolder
from rnnzoo.tuning.run_progress import RunProgress, TrackProgress, WriteLog
from rnnzoo.tuning.schedules import epochs_since_best
from rnnzoo.tuning.training_config import TrainingConfig
from rnnzoo.tuning.truncated_backpropagation import TruncatedBackpropagation

__all__ = ["make_trainer", "train"]


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

    Interrupted at any point, by Ctrl-C or by a power cut, and resumed, a run ends at the very weights that it would
    have ended at: on one machine, equal arguments give equal results. A finished run that is resumed stays as it is.

    Args:
        network: what learns.
        training: how it learns.
        output: the run's folder, see `RunFolder`.
        resume: go on with the run in `output` where its latest checkpoint is.
        callbacks: Keras callbacks of your own; they see the batches before the checkpoint pass, unlearnt, with no logs.
        verbose: show a progress bar and a line for each epoch, on standard error.

    Raises:
        FileExistsError: if `output` holds something and `resume` was not asked for.
        FileNotFoundError: if there is nothing to resume, or no such corpus.
        ValueError: if a run is resumed with another configuration or on a corpus that has changed.
        TrainingDiverged: if loss or weights stop being finite numbers.
    """
    run = RunFolder(Path(output))
    if resume:
        run.check_is_resumable(network, training)
        corpus = prepare_corpus(training)
        run.check_corpus(corpus.facts())
    else:
        run.check_is_free()
        corpus = prepare_corpus(training)
        run.create(network, training, corpus.facts())
    if run.evaluation.exists():
        return run
    keras.utils.set_random_seed(training.seed)
    trainer = make_trainer(network, training, corpus.vocabulary)
    checkpoint = read_checkpoint(run.checkpoint) if run.checkpoint.exists() else None
    progress = _fit(trainer, training, corpus, run, checkpoint, callbacks, verbose)
    _evaluate_best(run, training, corpus, progress)
    return run


def make_trainer(network: NetworkConfig, training: TrainingConfig, vocabulary: Vocabulary) -> TruncatedBackpropagation:
    """A new language model and, compiled around it, what trains it as `training` says; `fit` is the caller's."""
    trainer = TruncatedBackpropagation(
        LanguageModel(vocabulary, network), training.batch_size, training.loss, training.samples, training.seed
    )
    trainer.compile(make_optimizer(training), jit_compile=compiles_with_xla(training.jit_compile))
    trainer.optimizer.build(trainer.trainable_variables)
    return trainer


def _fit(
    trainer: TruncatedBackpropagation,
    training: TrainingConfig,
    corpus: PreparedCorpus,
    run: RunFolder,
    checkpoint: Checkpoint | None,
    callbacks: Sequence[keras.callbacks.Callback],
    verbose: bool,
) -> RunProgress:
    batches = ContiguousBatches(corpus.train, training.batch_size, training.window)
    validation = ContiguousBatches(corpus.valid, training.batch_size, training.window)
    progress = RunProgress() if checkpoint is None else RunProgress(**checkpoint.facts)
    restoring = [] if checkpoint is None else [RestoreState(checkpoint.arrays)]
    bar = ProgressBar(progress, training.batch_size * training.window, Console(stderr=True, quiet=not verbose))
    trainer.batches_to_skip = progress.step
    with deferred_interruption() as interruption, bar:
        trainer.fit(
            batches.dataset(),
            validation_data=validation.dataset(),
            initial_epoch=progress.epoch,
            epochs=training.epochs,
            verbose=0,
            callbacks=[
                *restoring,
                HaltOnDivergence(),
                TrackProgress(progress, len(corpus.train)),
                ControlLearningRate(training, progress, len(batches)),
                KeepBestModel(progress, run.model, training.patience),
                WriteLog(progress, run.log),
                keras.callbacks.TensorBoard(str(run.tensorboard), write_graph=False),
                bar,
                *callbacks,
                SaveCheckpoints(run.checkpoint, progress, training.checkpoint_steps, interruption),
            ],
        )
    return progress


def _evaluate_best(run: RunFolder, training: TrainingConfig, corpus: PreparedCorpus, progress: RunProgress) -> None:
    best = progress.history[-1 - epochs_since_best(progress.validation_losses)]
    model = LanguageModel.from_preset(run.model)
    test = evaluate(model, corpus.test, training.batch_size, training.window, training.jit_compile)
    validation = {name.removeprefix("val_"): value for name, value in best.items() if name.startswith("val_")}
    run.write_json(run.evaluation, {"epoch": best["epoch"], "validation": validation, "test": test.as_dict()})
