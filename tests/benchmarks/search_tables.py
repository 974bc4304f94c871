"""What the benchmarks of searches share: a corpus cut to size, and where their tables go."""

import argparse
import json
import os
import platform
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import keras_tuner
import tensorflow as tf

from rnnzoo.tuning.corpora.prepared_corpus import PreparedCorpus, prepare_corpus
from rnnzoo.tuning.training_config import TrainingConfig

__all__ = ["corpus_slice", "machine", "output_option", "scratch_folder", "write"]


def corpus_slice(training: TrainingConfig, train: int, valid: int) -> PreparedCorpus:
    """The first so many tokens of a corpus."""
    corpus = prepare_corpus(training)
    return replace(corpus, train=corpus.train[:train], valid=corpus.valid[:valid], test=corpus.test[:valid])


@contextmanager
def scratch_folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


def output_option(parser: argparse.ArgumentParser, name: str) -> None:
    parser.add_argument("--output", type=Path, default=Path(name), help="the file of the numbers, JSON")


def machine() -> str:
    return (
        f"{platform.machine()}, {os.cpu_count()} cores, TensorFlow {tf.__version__}, Keras {keras.__version__}, "
        f"KerasTuner {keras_tuner.__version__}"
    )


def write(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps({**content, "machine": machine()}, indent=2, allow_nan=False) + "\n", encoding="utf-8")
