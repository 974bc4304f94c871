"""Every part of a vocabulary has a word."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnzoo.models.architectures import NetworkConfig
from rnnzoo.models.cutoffs import check_cutoffs, default_cutoffs


@given(vocabulary_size=st.integers(3, 10**6))
def test_the_default_fits_every_vocabulary(vocabulary_size: int) -> None:
    first, second = default_cutoffs(vocabulary_size)
    assert 0 < first < second < vocabulary_size
    assert (first, second) == NetworkConfig(network="gru", softmax="adaptive").cutoffs_for(vocabulary_size)


@pytest.mark.parametrize("cutoffs", [(), (0,), (-1, 3), (3, 3), (5, 2), (2.0, 3), ("2", "3"), (True,), 7, "2000"])
def test_cutoffs_rise(cutoffs: Any) -> None:
    for wrong in (
        lambda: check_cutoffs(cutoffs),
        lambda: NetworkConfig(network="gru", softmax="adaptive", cutoffs=cutoffs),
    ):
        with pytest.raises(
            ValueError, match=r"cutoffs must be one or more positive integers that rise, but got cutoffs="
        ):
            wrong()


@pytest.mark.parametrize("cutoffs", [(10,), (2, 11)])
def test_cutoffs_lie_in_the_vocabulary(cutoffs: tuple[int, ...]) -> None:
    config = NetworkConfig(network="gru", softmax="adaptive", cutoffs=cutoffs)
    with pytest.raises(ValueError, match=r"cutoffs must be below the number of words, 10, but got cutoffs=\("):
        config.cutoffs_for(10)


def test_a_vocabulary_may_be_too_small_for_the_default() -> None:
    with pytest.raises(ValueError, match=r"cutoffs must be below the number of words, 2, but got cutoffs=\(1, 2\)"):
        NetworkConfig(network="gru", softmax="adaptive").cutoffs_for(2)


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"softmax": "hierarchical"}, "softmax must be one of tied, adaptive, but got softmax='hierarchical'"),
        ({"cutoffs": (2, 4)}, "cutoffs needs softmax='adaptive', but got softmax='tied', cutoffs="),
        ({"division": 2}, "division needs softmax='adaptive', but got softmax='tied', division=2"),
        ({"softmax": "adaptive", "division": 0}, "division must be a positive integer, but got division=0"),
    ],
)
def test_options_that_mean_nothing_are_refused(options: dict[str, Any], line: str) -> None:
    with pytest.raises(ValueError, match=line):
        NetworkConfig(network="gru", **options)


def test_a_configuration_comes_back_from_plain_values() -> None:
    config = NetworkConfig(network="gru", softmax="adaptive", cutoffs=(2, 4), division=2)
    assert [2, 4] == config.as_dict()["cutoffs"]
    assert config == NetworkConfig.from_dict(config.as_dict())
