"""Next-word prediction: the task of a run on a text."""

from pathlib import Path
from typing import Any

from rnnzoo.models.architectures import NetworkConfig
from rnnzoo.models.language_model import LanguageModel
from rnnzoo.models.vocabulary import Vocabulary
from rnnzoo.tuning.batches import ContiguousBatches
from rnnzoo.tuning.corpora.prepared_corpus import prepare_corpus
from rnnzoo.tuning.devices import compiles_with_xla
from rnnzoo.tuning.evaluation.static_evaluation import evaluate
from rnnzoo.tuning.fine_tuning import start_from
from rnnzoo.tuning.losses.word_losses import word_loss
from rnnzoo.tuning.optimization.optimizers import make_optimizer
from rnnzoo.tuning.rotation import training_batches
from rnnzoo.tuning.runs.resumable_model import ResumableModel
from rnnzoo.tuning.task import Task
from rnnzoo.tuning.training_config import TrainingConfig
from rnnzoo.tuning.truncated_backpropagation import TruncatedBackpropagation

__all__ = ["LanguageTask", "check_softmax", "make_trainer"]


class LanguageTask(Task):
    """A language model learns a corpus by truncated backpropagation."""

    measure = "perplexity"
    unit = "words"

    def __init__(self, network: NetworkConfig, training: TrainingConfig) -> None:
        super().__init__(network, training)
        self.corpus = prepare_corpus(training)
        self.amount = len(self.corpus.train)
        self.loss_bound = self.corpus.loss_bound
        sizes = training.batch_size, training.window
        self.batches, self.callbacks = training_batches(self.corpus.train, training)
        self.validation = ContiguousBatches(self.corpus.valid, *sizes).dataset()
        # What does not fit the corpus is found now: a test split that is too short, a loss, the cutoffs of a softmax.
        ContiguousBatches(self.corpus.test, *sizes)
        check_softmax(network, training, len(self.corpus.vocabulary))

    def facts(self) -> dict[str, Any]:
        return self.corpus.facts()

    def make_model(self) -> TruncatedBackpropagation:
        return make_trainer(self.network, self.training, self.corpus.vocabulary)

    def save(self, model: ResumableModel, folder: Path) -> None:
        model.language_model.save_to_preset(folder)

    def evaluate(self, folder: Path) -> dict[str, Any]:
        model, training = LanguageModel.from_preset(folder), self.training
        test = evaluate(model, self.corpus.test, training.batch_size, training.window, training.jit_compile)
        return test.as_dict()


def check_softmax(network: NetworkConfig, training: TrainingConfig, vocabulary_size: int) -> None:
    """Raise a ValueError if a network's softmax does not go with the loss or with so many words."""
    word_loss(training.loss, vocabulary_size, training.samples, network.softmax)
    if network.softmax == "adaptive":
        network.cutoffs_for(vocabulary_size)


def make_trainer(network: NetworkConfig, training: TrainingConfig, vocabulary: Vocabulary) -> TruncatedBackpropagation:
    """A new language model and, compiled around it, what trains it as `training` says; `fit` is the caller's."""
    trainer = TruncatedBackpropagation(
        LanguageModel(vocabulary, network),
        training.batch_size,
        training.loss,
        training.samples,
        training.seed,
        training.fresh_starts,
    )
    if training.from_preset is not None:
        start_from(trainer.language_model, training.from_preset)
    optimizer = make_optimizer(training, trainer.language_model.recurrent_layers)
    trainer.compile(optimizer, jit_compile=compiles_with_xla(training.jit_compile))
    trainer.optimizer.build(trainer.trainable_variables)
    return trainer
