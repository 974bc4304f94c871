"""The presets, measured in turn: a training step as each was trained, and a single word after another."""

import statistics
from collections.abc import Callable

import tensorflow as tf
from alternation import alternate, ratio, timed
from words import BATCH, WINDOW, training_step

from rnnzoo.models import LanguageModel
from rnnzoo.models.presets import PRESETS
from rnnzoo.tuning.pretraining.recipes import RECIPES

__all__ = ["BESIDE", "measure_presets"]

ROUNDS = 10
BESIDE = "lstm_wikitext2"


def word_step(name: str) -> Callable[[], float]:
    """The seconds of one word with the state in hand, what each word of a typing session costs."""
    model = LanguageModel.from_preset(name)
    step = tf.function(lambda token_ids, states: model.step(token_ids, states)).get_concrete_function(
        tf.TensorSpec([None], tf.int32), [tf.TensorSpec([None, size]) for _, size in model.state_specs]
    )
    token_ids, states = tf.constant([model.vocabulary.end_id]), model.initial_states(1)
    return timed(lambda: step(token_ids, states)[0].numpy(), repetitions=50)


def measure_presets() -> list[list[str]]:
    """Rows of a table: preset, words per second in training, milliseconds a word, each also over those of `BESIDE`."""
    stages = {name: RECIPES[name].stages[0] for name in PRESETS}
    steps = alternate({name: training_step(stage.network, stage.training) for name, stage in stages.items()}, ROUNDS)
    words = alternate({name: word_step(name) for name in PRESETS}, ROUNDS)
    return [
        [
            name,
            f"{BATCH * WINDOW / statistics.median(steps[name]):,.0f}",
            str(ratio(steps[name], steps[BESIDE])),
            f"{1000 * statistics.median(words[name]):.2f}",
            str(ratio(words[name], words[BESIDE])),
        ]
        for name in PRESETS
    ]
