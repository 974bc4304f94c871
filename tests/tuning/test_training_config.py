"""A recipe is checked when it is written down."""

import dataclasses
import json
import re
from typing import Any

import numpy as np
import pytest

from rnnzoo.tuning.training_config import OPTIMIZERS, TrainingConfig


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"optimizer": "lion"}, "optimizer must be one of sgd, adam, rmsprop, but got 'lion'."),
        ({"fresh_starts": 1.5}, "fresh_starts must be from 0 to 1, but got fresh_starts=1.5."),
        ({"schedule": "cyclic"}, "schedule must be one of constant, warmup, cosine, plateau, but got 'cyclic'."),
        ({"loss": "hinge"}, "loss must be one of auto, full, sampled, but got 'hinge'."),
        ({"epochs": 0}, "epochs must be a positive integer, but got epochs=0."),
        ({"batch_size": True}, "batch_size must be a positive integer, but got batch_size=True."),
        ({"window": 3.5}, "window must be a positive integer, but got window=3.5."),
        ({"patience": 0}, "patience must be a positive integer, but got patience=0."),
        ({"epochs": None}, "epochs must be a positive integer, but got epochs=None."),
        ({"learning_rate": -1.0}, "learning_rate must be positive and finite, but got learning_rate=-1.0."),
        ({"learning_rate": "0.1"}, "learning_rate must be positive and finite, but got learning_rate='0.1'."),
        ({"rotation": "no"}, "rotation must be True or False, but got rotation='no'."),
        ({"global_clipnorm": float("nan")}, "global_clipnorm must be positive and finite"),
        (
            {"clipnorm": 1.0, "clipvalue": 2.0, "global_clipnorm": None},
            "global_clipnorm may be given, but got clipnorm=1.0, clipvalue=2.0.",
        ),
        ({"warmup": 1.0}, "warmup must be at least 0 and below 1, but got warmup=1.0."),
        ({"recurrent_learning_rate": 0.0}, "recurrent_learning_rate must be positive and finite, but got"),
        ({"recurrent_learning_rate": 0.1}, "goes with optimizer='sgd' on a text"),
        ({"recurrent_learning_rate": 0.1, "optimizer": "sgd", "corpus": "adding"}, "but got optimizer='sgd', corpus="),
        ({"seed": -1}, "seed must be an integer from 0 to 2147483647, but got seed=-1."),
        ({"jit_compile": "yes"}, "jit_compile must be True, False or 'auto', but got 'yes'."),
    ],
)
def test_what_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        TrainingConfig(**options)


def test_there_and_back_through_json() -> None:
    config = TrainingConfig(corpus="recall", corpus_options={"distance": 9}, clipvalue=1.0, global_clipnorm=None)
    assert config == TrainingConfig.from_dict(json.loads(json.dumps(config.as_dict())))


def test_numpys_numbers_become_pythons() -> None:
    config = TrainingConfig(epochs=np.int64(3), learning_rate=np.float32(0.5), seed=np.int32(1), rotation=np.True_)
    plain = TrainingConfig(epochs=3, learning_rate=0.5, seed=1, rotation=True)
    assert json.dumps(plain.as_dict()) == json.dumps(config.as_dict())


def test_an_unknown_option_is_named() -> None:
    with pytest.raises(ValueError, match=r"training has no option momentum, unless a newer rnnzoo has it\."):
        TrainingConfig.from_dict({"momentum": 0.9})


def test_the_rate_follows_the_optimizer() -> None:
    sgd = TrainingConfig(optimizer="sgd")
    adam = dataclasses.replace(sgd, optimizer="adam")
    assert (OPTIMIZERS["sgd"], OPTIMIZERS["adam"]) == (sgd.rate, adam.rate)
    assert 7.0 == dataclasses.replace(adam, learning_rate=7).rate
