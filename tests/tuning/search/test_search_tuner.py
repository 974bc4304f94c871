"""The tuner of a search, made in its folder."""

from pathlib import Path

import pytest

from rnnzoo.models.architectures import NetworkConfig
from rnnzoo.tuning.corpora.prepared_corpus import prepare_corpus
from rnnzoo.tuning.search.divergence import Divergence
from rnnzoo.tuning.search.search_folder import SearchFolder
from rnnzoo.tuning.search.search_plan import SearchPlan
from rnnzoo.tuning.search.search_tuner import make_search_tuner
from rnnzoo.tuning.search.space import Space
from rnnzoo.tuning.training_config import TrainingConfig


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    training = TrainingConfig(corpus="recall", corpus_options={"examples": 30, "distance": 2}, batch_size=2, window=8)
    space = Space([NetworkConfig(network="simple_rnn_tanh", units=4)], training, ["learning_rate=0.5,1"])
    plan = SearchPlan(space=space, algorithm="grid", divergence=Divergence(bound=9.0), corpus={})
    (tmp_path / "trials").touch()
    with pytest.raises(FileExistsError, match="trials"):
        make_search_tuner(plan, SearchFolder(tmp_path), prepare_corpus(training), max_trials=1)
