"""What is measured of a preset: everything that its card and the table of the zoo say."""

import csv
import json
import os
import platform
import statistics
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from rnnzoo.models.language_model import LanguageModel
from rnnzoo.tuning.corpora.prepared_corpus import PreparedCorpus
from rnnzoo.tuning.diagnosis.diagnoses import diagnose
from rnnzoo.tuning.diagnosis.flow_results import as_json, half_life_as_json
from rnnzoo.tuning.evaluation.static_evaluation import evaluate
from rnnzoo.tuning.pretraining.commands import train_command
from rnnzoo.tuning.pretraining.examples import asked_examples, surprising_examples
from rnnzoo.tuning.pretraining.recipes import Recipe, Stage
from rnnzoo.tuning.runs.run_folder import RunFolder

__all__ = ["machine", "measure_card"]

# Lags and positions of the diagnosis: enough for a steady half-life, a minute's work.
_LAGS, _POSITIONS = 200, 32

# How many places of a text are read, and how far, to count the words that a network takes in.
_ROWS, _STEPS = 20, 1_000


def measure_card(preset: Path, runs: Sequence[Path], stages: Sequence[Stage], corpus: PreparedCorpus) -> dict[str, Any]:
    """Measure a preset on its corpus's test split.

    Args:
        preset: its folder.
        runs: the finished runs that it came out of, the last of which it is.
        stages: how each was trained.
        corpus: what it was trained on.

    Returns:
        What `card.json` holds, with the keys of `run.json` among them, so that a preset can be evaluated and trained
        again as a run can.
    """
    trained_in = Recipe(stages=tuple(stages)).runs(f"runs/{preset.name}")
    run, network, training = RunFolder(runs[-1]), stages[-1].network, trained_in[-1][1].training
    *_, facts = run.read_configuration()
    model = LanguageModel.from_preset(preset)
    sizes = training.batch_size, training.window
    shipped = evaluate(model, corpus.test, *sizes)
    trained = json.loads(run.evaluation.read_text(encoding="utf-8"))
    share = _update_share(model, corpus.test)
    diagnosis = diagnose(
        model, corpus.test, name=preset.name, network=network, training=training, lags=_LAGS, positions=_POSITIONS
    )
    _, reach, state = diagnosis.flow.furthest(diagnosis.evidence.needed_lag)
    log = [row for folder in runs for row in _read_log(RunFolder(folder).log)]
    return {
        "commands": [train_command(stage.network, stage.training, folder) for folder, stage in trained_in],
        "network": network.as_dict(),
        "training": training.as_dict(),
        "corpus": facts,
        "parameters": model.count_params(),
        "megabytes": round(sum(file.stat().st_size for file in preset.glob("*.*")) / 1e6, 2),
        "test": shipped.as_dict(),
        "before_packing": {"validation": trained["validation"], "test": trained["test"]},
        "epochs": log,
        "minutes": round(sum(row["seconds"] for row in log) / 60, 1),
        "words_per_second": round(max(row["words_per_second"] for row in log)),
        "update_share": share,
        "diagnosis": {
            "verdict": diagnosis.verdict.name,
            "findings": [finding.reason for finding in diagnosis.verdict.findings],
            "state": state,
            "left": as_json(diagnosis.evidence.left_of_gradient),
            "needed_lag": diagnosis.evidence.needed_lag,
            "half_life": half_life_as_json(reach.half_life),
            "horizon": as_json(reach.horizon),
            "median": [float(f"{norm:.3g}") for norm in reach.median],
            "lags": _LAGS,
            "positions": _POSITIONS,
        },
        "asked": asked_examples(model),
        "surprises": surprising_examples(model, corpus.test),
        "machine": machine(),
    }


def machine() -> dict[str, str]:
    """On what the figures were measured."""
    versions = {name: version(name) for name in ("rnnzoo", "keras", "tensorflow", "numpy")}
    return {
        "processor": platform.machine(),
        "cores": str(os.cpu_count()),
        "python": platform.python_version(),
        **versions,
    }


def _read_log(path: Path) -> list[dict[str, float]]:
    with path.open(newline="", encoding="utf-8") as file:
        return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]


def _update_share(model: LanguageModel, tokens: npt.NDArray[np.int32]) -> float | None:
    """The share of the words of a text that a skip-update network takes in; None of others."""
    layers = [layer for layer in model.recurrent_layers if hasattr(layer, "update_share")]
    if not layers:
        return None
    rows = tokens[: len(tokens) // _ROWS * _ROWS].reshape(_ROWS, -1)[:, :_STEPS]
    hidden = model.embedding(tf.constant(rows, tf.int32))
    for layer in layers:
        layer.update_share.reset_state()
        hidden, *_ = layer(hidden, training=True)  # it counts in training alone; the dropouts stand between layers
    return statistics.fmean(float(layer.update_share.result()) for layer in layers)
