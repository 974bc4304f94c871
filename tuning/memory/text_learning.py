"""How well a network learns a text, how far back its gradients then reach, and whether it failed."""

import math
from dataclasses import dataclass

import keras
import numpy as np

from rnnzoo.models.architectures import NetworkConfig
from rnnzoo.tuning.batches import ContiguousBatches
from rnnzoo.tuning.corpora.prepared_corpus import PreparedCorpus, prepare_corpus
from rnnzoo.tuning.diagnosis.gradient_flows import gradient_flow
from rnnzoo.tuning.divergence import HaltOnDivergedValidation, HaltOnDivergence, TrainingDiverged
from rnnzoo.tuning.language_task import make_trainer
from rnnzoo.tuning.optimization.learning_rate import ControlLearningRate
from rnnzoo.tuning.rotation import training_batches
from rnnzoo.tuning.runs.run_progress import RunProgress, TrackProgress
from rnnzoo.tuning.training_config import TrainingConfig

__all__ = ["TextOutcome", "learn_text", "unigram_perplexity"]

_LAGS, _POSITIONS, _WARM_UP = 100, 16, 20


@dataclass(frozen=True, kw_only=True)
class TextOutcome:
    """What became of it.

    Attributes:
        perplexity: on the validation split, after the last epoch; infinite if training diverged.
        half_life: in how many words the gradient of a single loss by the hidden state of the first layer halves;
            infinite where it does not shrink, NaN where training diverged or there is none. That of an LSTM's cell,
            which is made to reach further, is none of it.
        failed: whether training diverged, or ended no better than the frequencies of the words alone.
    """

    perplexity: float
    half_life: float
    failed: bool


def learn_text(network: NetworkConfig, training: TrainingConfig) -> TextOutcome:
    """Train a language model on a corpus, and measure it on the validation split.

    Args:
        network: what learns.
        training: how it learns, corpus included.

    Raises:
        ValueError: if the network does not go with the corpus.
        FileNotFoundError: if there is no such corpus.
    """
    corpus = prepare_corpus(training)
    keras.utils.set_random_seed(training.seed)
    trainer = make_trainer(network, training, corpus.vocabulary)
    batches, callbacks = training_batches(corpus.train, training)
    progress = RunProgress()
    try:
        trainer.fit(
            batches,
            validation_data=ContiguousBatches(corpus.valid, training.batch_size, training.window).dataset(),
            epochs=training.epochs,
            verbose=0,
            callbacks=[
                *callbacks,  # in the order of a run, see `train`
                HaltOnDivergedValidation(),
                TrackProgress(progress, len(corpus.train)),
                ControlLearningRate(training, progress, int(batches.cardinality())),
                HaltOnDivergence(),
            ],
        )
    except TrainingDiverged:
        return TextOutcome(perplexity=math.inf, half_life=math.nan, failed=True)
    perplexity = math.exp(min(progress.validation_losses[-1], 700.0))
    flow = gradient_flow(
        trainer.language_model,
        corpus.valid,
        lags=_LAGS,
        positions=_POSITIONS,
        warm_up=_WARM_UP,
        jacobian_positions=1,
    )
    return TextOutcome(
        perplexity=perplexity,
        half_life=flow.layers[0].half_life,
        failed=perplexity >= unigram_perplexity(corpus),
    )


def unigram_perplexity(corpus: PreparedCorpus) -> float:
    """The perplexity, on the validation split, of the words' frequencies in the training split, each counted once more.

    No context at all is worth as much.
    """
    counts = np.bincount(corpus.train, minlength=len(corpus.vocabulary)) + 1.0
    log_frequencies = np.log(counts / counts.sum())
    return float(np.exp(-log_frequencies[corpus.valid].mean()))
