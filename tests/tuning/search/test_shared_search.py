"""Searches of our networks in several processes."""

import socket
from pathlib import Path

import pytest

from rnnzoo.models.architectures import NetworkConfig
from rnnzoo.tuning.search.search_folder import SearchFolder
from rnnzoo.tuning.search.searching import search
from rnnzoo.tuning.search.workers.roles import ChiefError
from rnnzoo.tuning.search.workers.sharing import Sharing
from rnnzoo.tuning.training_config import TrainingConfig

TRAINING = TrainingConfig(
    corpus="recall",
    corpus_options={"examples": 30, "distance": 2},
    batch_size=2,
    window=8,
    epochs=1,
    optimizer="sgd",
    schedule="constant",
    jit_compile=False,
)
NETWORKS = [NetworkConfig(network="simple_rnn_tanh", units=4)]
SPACE = ["learning_rate=0.5,1e30", "clipnorm=none"]


def test_a_shared_search_finds_what_one_alone_finds(tmp_path: Path) -> None:
    lines: list[str] = []
    asked = {"algorithm": "grid", "max_trials": 2, "report": lines.append}
    alone = search(NETWORKS, TRAINING, tmp_path / "alone", SPACE, **asked)
    shared = search(
        NETWORKS, TRAINING, tmp_path / "shared", SPACE, **asked, sharing=Sharing(workers=1, trials_per_process=2)
    )
    assert [(one.status, one.score, one.values, one.message) for one in alone.trials] == [
        (one.status, one.score, one.values, one.message) for one in shared.trials
    ]
    assert (alone.network, alone.training) == (shared.network, shared.training)
    assert [line.rpartition(" (")[0] for line in lines[:2]] == [line.rpartition(" (")[0] for line in lines[2:]]


def test_two_chiefs_on_one_port_leave_nothing_behind(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(ChiefError, match=f"needs an address of its own, but {address} is taken"):
            search(NETWORKS, TRAINING, tmp_path / "search", SPACE, sharing=Sharing(listen=address))
    assert not (tmp_path / "search").exists()


def test_a_worker_needs_the_chiefs_folder(tmp_path: Path) -> None:
    sharing = Sharing(chief="127.0.0.1:9", patience=0.2)
    with pytest.raises(ChiefError, match="must share the folder of the search with its chief at"):
        search(NETWORKS, TRAINING, tmp_path, SPACE, sharing=sharing)


def test_a_worker_for_another_search_is_refused(tmp_path: Path) -> None:
    SearchFolder(tmp_path).write_identity({"algorithm": "grid"})
    with pytest.raises(ValueError, match=r"must be resumed as it was begun, but .* has algorithm='grid'"):
        search(NETWORKS, TRAINING, tmp_path, SPACE, sharing=Sharing(chief="127.0.0.1:9", patience=0.2))
