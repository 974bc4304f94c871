"""What is taken for an integer, a number and a truth value, and what is said of the rest."""

from typing import Any

import numpy as np
import pytest

from rnnzoo.models.arguments import real, truth, whole


@pytest.mark.parametrize("value", [3, np.int64(3), np.uint8(3)], ids=type)
def test_integers_become_pythons(value: Any) -> None:
    assert (3, int) == (whole("n", value, 3, 3), type(whole("n", value)))


@pytest.mark.parametrize("value", [0.5, np.float32(0.5), np.float64(0.5)], ids=type)
def test_numbers_become_pythons(value: Any) -> None:
    assert (0.5, float) == (real("x", value, least=0.5, most=0.5), type(real("x", value)))


@pytest.mark.parametrize("value", [True, np.True_], ids=["Python", "NumPy"])
def test_truth_values_become_pythons(value: Any) -> None:
    assert truth("t", value) is True


@pytest.mark.parametrize("value", ["3", 3.0, True, None])
def test_what_is_no_integer(value: Any) -> None:
    with pytest.raises(ValueError, match="n must be an integer, but got n="):
        whole("n", value)


@pytest.mark.parametrize("value", ["3", True, None, float("nan"), float("inf"), 1j])
def test_what_is_no_number(value: Any) -> None:
    with pytest.raises(ValueError, match="x must be a finite number, but got x="):
        real("x", value)


@pytest.mark.parametrize(
    ("value", "bounds", "rule"),
    [
        (0, {"least": 1}, "a positive integer"),
        (1, {"least": 2}, "an integer of at least 2"),
        (3, {"least": 1, "most": 2}, "an integer from 1 to 2"),
        (3, {"most": 2}, "an integer of at most 2"),
    ],
)
def test_the_range_of_integers(value: int, bounds: dict[str, int], rule: str) -> None:
    with pytest.raises(ValueError, match=rf"^a cache's size must be {rule}, but got size={value}\.$"):
        whole("size", value, of="a cache's ", **bounds)


@pytest.mark.parametrize(
    ("value", "bounds", "rule"),
    [
        (-1, {"least": 0}, "at least 0 and finite"),
        (0, {"above": 0}, "positive and finite"),
        (1, {"above": 1}, "above 1 and finite"),
        (2, {"least": 0, "most": 1}, "from 0 to 1"),
        (1, {"least": 0, "below": 1}, "at least 0 and below 1"),
        (0, {"above": 0, "most": 1}, "above 0 and at most 1"),
        (2, {"most": 1}, "at most 1 and finite"),
        (1, {"below": 1}, "below 1 and finite"),
    ],
)
def test_the_range_of_numbers(value: int, bounds: dict[str, float], rule: str) -> None:
    with pytest.raises(ValueError, match=rf"^share must be {rule}, but got share={value}\.$"):
        real("share", value, **bounds)
