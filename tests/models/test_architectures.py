"""A network's configuration: what it refuses before any layer is built."""

from typing import Any

import numpy as np
import pytest

from rnnzoo.models.architectures import NetworkConfig


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"network": "skip_rnn", "skip": 1}, r"skip must be an integer of at least 2 here, but got skip=1\."),
        ({"network": "skip_rnn", "skip": 0, "dilated": True}, r"skip must be a positive integer, but got skip=0\."),
        ({"network": "lstm", "longest_lag": 2}, r"longest_lag must be .* at least 3 here, but got longest_lag=2\."),
        ({"network": "skip_update_gru", "budget": -1.0}, r"budget must be a number and not .*, but got budget=-1\.0\."),
        ({"network": "skip_update_gru", "budget": "x"}, r"budget must be a number and not .*, but got budget='x'\."),
        ({"network": "lstm", "dropout": "0.1"}, r"dropout must be at least 0 and below 1, but got dropout='0\.1'\."),
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


def test_numpys_integers_become_pythons() -> None:
    config = NetworkConfig(network="skip_rnn", units=np.int64(8), skip=np.int32(3))
    assert NetworkConfig(network="skip_rnn", units=8, skip=3) == config
    assert [int, int] == [type(config.units), type(config.skip)]


def test_what_means_something_is_taken() -> None:
    NetworkConfig(network="skip_rnn", skip=1, dilated=True)
    NetworkConfig(network="irnn", recurrent_scale=0.5)
    NetworkConfig(network="irnn", recurrent_initializer="identity", recurrent_scale=0.5)
