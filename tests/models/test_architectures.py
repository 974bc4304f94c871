"""A network's configuration: what it refuses before any layer is built."""

import json
from typing import Any

import numpy as np
import pytest

from rnnzoo.models.architectures import NetworkConfig


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"network": "skip_rnn", "skip": 1}, r"skip must be an integer of at least 2, but got skip=1\."),
        ({"network": "skip_rnn", "skip": 0, "dilated": True}, r"skip must be a positive integer, but got skip=0\."),
        ({"network": "lstm", "longest_lag": 2}, r"longest_lag must be .* at least 3, but got longest_lag=2\."),
        ({"network": "skip_update_gru", "budget": -1.0}, r"budget must be at least 0 .*, but got budget=-1\.0\."),
        ({"network": "skip_update_gru", "budget": "x"}, r"budget must be at least 0 .*, but got budget='x'\."),
        ({"network": "lstm", "dropout": "0.1"}, r"dropout must be at least 0 and below 1, but got dropout='0\.1'\."),
        ({"network": "skip_rnn", "dilated": "no"}, r"dilated must be True or False, but got dilated='no'\."),
        ({"network": "lstm", "units": None}, r"units must be a positive integer, but got units=None\."),
        ({"network": "lstm", "units": True}, r"units must be a positive integer, but got units=True\."),
        (
            {"network": "simple_rnn_leaky_relu", "negative_slope": "x"},
            r"negative_slope must be a finite number, but got negative_slope='x'\.",
        ),
        (
            {"network": "irnn", "recurrent_scale": float("nan")},
            r"recurrent_scale must be a finite number, but got recurrent_scale=nan\.",
        ),
        (
            {"network": "irnn", "recurrent_initializer": "orthogonal", "recurrent_scale": 0.5},
            r"recurrent_scale needs .*'identity', but got recurrent_initializer='orthogonal', recurrent_scale=0\.5\.",
        ),
        ({"network": "gru", "recurrent_scale": 0.5}, "recurrent_initializer=None, recurrent_scale=0.5"),
    ],
)
def test_what_no_layer_can_be_made_of_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        NetworkConfig(**options)


def test_numpys_numbers_become_pythons() -> None:
    sizes = {"units": np.int64(8), "skip": np.int32(3), "dilated": np.True_, "cutoffs": (np.int64(2), np.int64(4))}
    config = NetworkConfig(network="skip_rnn", dropout=np.float32(0.5), softmax="adaptive", **sizes)
    plain = NetworkConfig(
        network="skip_rnn", dropout=0.5, softmax="adaptive", units=8, skip=3, dilated=True, cutoffs=(2, 4)
    )
    assert json.dumps(plain.as_dict()) == json.dumps(config.as_dict())


def test_an_unknown_option_is_named() -> None:
    with pytest.raises(ValueError, match=r"a network has no option attention, unless a newer rnnzoo has it\."):
        NetworkConfig.from_dict({"network": "lstm", "attention": True})


def test_what_means_something_is_taken() -> None:
    NetworkConfig(network="skip_rnn", skip=1, dilated=True)
    NetworkConfig(network="irnn", recurrent_scale=0.5)
    NetworkConfig(network="irnn", recurrent_initializer="identity", recurrent_scale=0.5)
