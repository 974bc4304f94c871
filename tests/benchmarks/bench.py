"""Measures everything in one run and writes the tables into README.md: `make bench`, with nothing beside it.

PyTorch runs in its own environment, `tests/benchmarks/.venv`; without one its columns stay empty.
"""

import os
import platform
import re
from pathlib import Path

import keras
import tensorflow as tf
from layers import BATCH, FEATURES, ROUNDS, STEPS, UNITS, measure_bfloat16, measure_layers, measure_length
from presets import BESIDE, measure_presets
from words import measure_words

from rnnzoo.tuning.pages.markdown_tables import markdown_table

README = Path(__file__).parents[2] / "README.md"
BEGIN, END = "<!-- benchmarks: written by make bench -->", "<!-- end of the benchmarks -->"


def report() -> str:
    layers = measure_layers()
    bfloat16 = dict(measure_bfloat16())
    length = measure_length()
    words = measure_words()
    presets = measure_presets()
    machine = f"{platform.machine()}, {os.cpu_count()} cores, TensorFlow {tf.__version__}, Keras {keras.__version__}"
    return "\n\n".join(
        [
            f"Forward and backward, batch {BATCH} × {STEPS} steps × {FEATURES} → {UNITS}, float32: our time over "
            f"theirs, median and quartiles of {ROUNDS} rounds in turn (the faster Keras, with XLA or without).",
            markdown_table(["layer", "ours, ms", "/ Keras", "/ PyTorch", "/ our SimpleRNN"], layers),
            "The same under `mixed_bfloat16` over float32: "
            + ", ".join(f"{name} {value}" for name, value in bfloat16.items())
            + f". An LSTM over 1,000 steps takes {length} times as long as over 100.",
            "Training steps of a word model, LSTM 2 × 200 tied, 33,278 words, 20 rows of 35; words per second over "
            "those of PyTorch's word_language_model example:",
            markdown_table(["who", "words/s", "ratio"], words),
            "The presets in turn: training steps of 20 rows of 35 words as each was trained, and one word after "
            f"another with the state in hand; times over those of `{BESIDE}`:",
            markdown_table(["preset", "words/s in training", "its time", "ms/word", "its time"], presets),
            f"Measured on {machine}.",
        ]
    )


def main() -> None:
    tables = report()
    print(tables)
    text = README.read_text(encoding="utf-8")
    between = re.compile(re.escape(BEGIN) + ".*?" + re.escape(END), re.DOTALL)
    if not between.search(text):
        raise SystemExit(f"README.md must have the lines {BEGIN!r} and {END!r} to be written between; it has not.")
    README.write_text(between.sub(lambda _: f"{BEGIN}\n\n{tables}\n\n{END}", text), encoding="utf-8")


if __name__ == "__main__":
    main()
