"""A passage, word by word."""

from typing import Any

import numpy as np
import pytest

from rnnzoo.models import LanguageModel, NetworkConfig, Vocabulary
from rnnzoo.tuning.diagnosis.gradient_flows import gradient_flow_of_rows
from rnnzoo.tuning.diagnosis.lag_time_maps import lag_time_map

VOCABULARY = Vocabulary.from_lines([[f"word{number}" for number in range(10)]])
TOKENS = np.random.default_rng(0).integers(len(VOCABULARY), size=100)
MODEL = LanguageModel(VOCABULARY, NetworkConfig(network="gru", units=6, layers=2))


def test_each_row_is_the_flow_of_its_word() -> None:
    passage = lag_time_map(MODEL, TOKENS, lags=8, words=5, start=40, warm_up=4)
    np.testing.assert_array_equal(np.arange(40, 45), passage.positions)
    np.testing.assert_array_equal(TOKENS[41:46], passage.targets)
    assert {"gru_0", "gru_1"} == set(passage.norms)
    for row, position in enumerate(passage.positions):
        inputs = TOKENS[np.newaxis, position - 12 : position + 1]
        flow = gradient_flow_of_rows(MODEL, inputs, TOKENS[[position + 1]], lags=8)
        for layer in flow.layers:
            np.testing.assert_allclose(passage.norms[layer.name][row], layer.hidden.median, rtol=1e-6)


def test_the_first_passage_has_its_lags_in_front() -> None:
    assert 8 + 50 == lag_time_map(MODEL, TOKENS, lags=8, words=5).positions[0]
    assert 100 - 1 - 90 == lag_time_map(MODEL, TOKENS, lags=8, words=90).positions[0]


@pytest.mark.parametrize(
    "options", [{"start": 3}, {"start": 98, "words": 5}, {"lags": 60, "words": 60}, {"words": 0}, {"lags": True}]
)
def test_a_passage_outside_the_corpus(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"the passage must lie in the corpus|must be a positive integer"):
        lag_time_map(MODEL, TOKENS, **{"lags": 8, "words": 5, **options})
