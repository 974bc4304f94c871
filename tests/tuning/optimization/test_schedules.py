"""What the schedules promise, for any run."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnzoo.tuning.optimization.schedules import SCHEDULES, Position, cosine, epochs_since_best, plateau, warmup

positions = st.integers(1, 500).flatmap(
    lambda total: st.builds(
        Position,
        step=st.integers(0, total),
        total_steps=st.just(total),
        warmup_steps=st.integers(0, total),
        validation_losses=st.lists(st.floats(0.1, 10), max_size=6),
    )
)


@given(position=positions, name=st.sampled_from(sorted(SCHEDULES)))
def test_a_rate_is_never_above_the_first_nor_below_zero(position: Position, name: str) -> None:
    assert 0 <= SCHEDULES[name](2.0, position) <= 2.0


@given(position=positions, name=st.sampled_from(sorted(SCHEDULES)))
def test_rates_scale(position: Position, name: str) -> None:
    assert 3 * SCHEDULES[name](1.0, position) == pytest.approx(SCHEDULES[name](3.0, position))


def test_cosine_is_continuous_where_the_warm_up_ends() -> None:
    rates = [cosine(1.0, Position(step=step, total_steps=1000, warmup_steps=100)) for step in range(1001)]
    assert max(abs(later - earlier) for earlier, later in itertools.pairwise(rates)) <= 0.0101
    assert (1.0, 0.0) == (rates[100], rates[1000])


def test_no_warm_up_starts_at_the_full_rate() -> None:
    assert warmup(1.0, Position(step=0, total_steps=10)) == 1.0


@pytest.mark.parametrize(
    ("losses", "rate"),
    [([], 16.0), ([5.0], 16.0), ([5.0, 4.0], 16.0), ([5.0, 5.0], 4.0), ([5.0, 6.0, 5.5, 4.0], 1.0)],
)
def test_plateau_divides_by_four(losses: list[float], rate: float) -> None:
    assert rate == plateau(16.0, Position(step=0, total_steps=10, validation_losses=losses))


@pytest.mark.parametrize(("losses", "epochs"), [([], 0), ([3.0], 0), ([3.0, 2.0], 0), ([2.0, 3.0, 2.0], 2)])
def test_epochs_since_best(losses: list[float], epochs: int) -> None:
    assert epochs == epochs_since_best(losses)
