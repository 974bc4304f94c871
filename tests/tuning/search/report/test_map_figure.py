"""Where trials diverge, estimated."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from rnnzoo.tuning.pages.drawing import Shape
from rnnzoo.tuning.search.report.map_figure import divergence_near, draw_map, map_axes
from rnnzoo.tuning.search.report.reported_search import ReportedSearch, ReportedTrial

UNIT = st.floats(0, 1)


@given(
    places=arrays.arrays(np.float64, (7, 2), elements=UNIT),
    diverged=arrays.arrays(np.bool_, 7),
    queries=arrays.arrays(np.float64, (5, 2), elements=st.floats(-100, 100)),
)
def test_it_is_a_share_however_far_away(
    places: npt.NDArray[np.float64], diverged: npt.NDArray[np.bool_], queries: npt.NDArray[np.float64]
) -> None:
    near = divergence_near(places, diverged, queries)
    assert np.all((near >= 0) & (near <= 1 + 1e-12))
    np.testing.assert_allclose(1 - near, divergence_near(places, ~diverged, queries), atol=1e-12)


def test_a_half_plane_is_found_again() -> None:
    places = np.random.default_rng(0).uniform(size=(60, 2))
    queries = np.random.default_rng(1).uniform(size=(500, 2))
    near = divergence_near(places, places[:, 0] > 0.6, queries)
    assert np.mean((near > 0.5) == (queries[:, 0] > 0.6)) > 0.9


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["units", "clipvalue", "learning_rate"], ("learning_rate", "clipvalue")),
        (["units", "learning_rate"], ("learning_rate", "units")),
        (["units", "dropout"], ("units", "dropout")),
        (["units"], None),
    ],
)
def test_which_two_are_mapped(names: list[str], expected: tuple[str, str] | None) -> None:
    trials = tuple(
        ReportedTrial(number=n, status="completed", score=1.0, values=dict.fromkeys(names, float(n)))
        for n in range(1, 4)
    )
    search = ReportedSearch(
        name="s", objective="loss", maximised=False, log_scales=frozenset(), trials=trials, language=False
    )
    assert expected == map_axes(search)
    assert map_axes(replace(search, trials=trials[:2])) is None


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        (["completed", "completed", "diverged"], ["completed", "diverged", "best", "trials nearby diverged"]),
        (["completed", "completed", "completed"], ["completed", "best"]),
        (["diverged", "diverged", "diverged"], ["diverged"]),
    ],
)
def test_the_legend_says_what_is_drawn(statuses: list[str], expected: list[str]) -> None:
    trials = tuple(
        ReportedTrial(number=n, status=status, score=float(n), values={"units": n, "dropout": n / 10})
        for n, status in enumerate(statuses, start=1)
    )
    search = ReportedSearch(
        name="s", objective="loss", maximised=False, log_scales=frozenset(), trials=trials, language=False
    )
    (legend,) = draw_map(search, "units", "dropout", Shape(7.4, narrow=False)).legends
    assert expected == [text.get_text() for text in legend.get_texts()]
