"""Networks whose fate is known get the verdict of their fate, on seeds that the thresholds were not set by."""

import pytest
from fates import CALIBRATION_SEEDS, FATES, TEST_SEEDS, live

from rnnzoo.tuning.diagnosis.verdict import VERDICTS, judge


def test_the_cases_are_many_and_of_all_kinds() -> None:
    assert len(FATES) >= 40
    assert set(VERDICTS) - {"unmeasured"} == {fate.verdict for fate in FATES}
    assert len({fate.name for fate in FATES}) == len(FATES)
    assert not set(CALIBRATION_SEEDS) & set(TEST_SEEDS)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", TEST_SEEDS)
def test_at_least_95_of_100_verdicts_are_right(seed: int) -> None:
    found = {fate: judge(live(fate, seed)).name for fate in FATES}
    wrong = [f"{fate.name}: {name}" for fate, name in found.items() if name != fate.verdict]
    assert len(wrong) <= 0.05 * len(FATES), wrong
