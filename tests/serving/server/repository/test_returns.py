"""Models that are removed and named again: real ones, asked before, meanwhile and afterwards."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from waiting import wait_for

from rnnzoo.serving.server.repository.model_settings import ModelSettings
from rnnzoo.serving.server.repository.repository import Repository
from rnnzoo.serving.server.repository.servable import Servable
from rnnzoo.serving.server.repository.version_states import State, VersionState
from rnnzoo.serving.server.status import StatusError


@pytest.fixture
def both(arithmetic: Path) -> dict[str, ModelSettings]:
    return {name: ModelSettings(base_path=arithmetic) for name in ("stays", "returns")}


@pytest.fixture
def repository(both: dict[str, ModelSettings]) -> Iterator[Repository]:
    repository = Repository(both)
    yield repository
    repository.close()


def without(models: dict[str, ModelSettings]) -> dict[str, ModelSettings]:
    return {"stays": models["stays"]}


def product(servable: Servable) -> list[float]:
    signature = servable.signatures["multiply"]
    rows, product = signature.inputs["rows"].name, signature.outputs["product"].name
    (found,) = servable.run({rows: np.ones((1, 3), np.float32)}, [product])
    return list(found[0])


def test_a_model_comes_back_while_its_last_request_is_answered(
    repository: Repository, both: dict[str, ModelSettings]
) -> None:
    with repository.lease("returns") as old:
        repository.reconfigure(without(both))
        assert [VersionState(3, State.UNLOADING)] == repository.states("returns")

        repository.reconfigure(both)

        assert [VersionState(3, State.AVAILABLE)] == repository.states("returns")
        with repository.lease("returns") as new:
            assert new is not old
            assert [9.0, 12.0] == product(new) == product(old)
    wait_for(lambda: repository._loaded == {new, *repository._ready["stays"].values()})
    assert [VersionState(3, State.AVAILABLE)] == repository.states("returns")


def test_close_ends_what_still_goes(repository: Repository, both: dict[str, ModelSettings]) -> None:
    with repository.lease("returns") as old:
        repository.reconfigure(without(both))
        repository.reconfigure(both)
        repository.close()

        with pytest.raises(StatusError, match="closed"):
            product(old)


def test_a_model_that_was_given_up_begins_anew(both: dict[str, ModelSettings]) -> None:
    full = [True]

    def load(name: str, version: int, folder: Path) -> Servable:
        if name == "returns" and full[0]:
            raise MemoryError("no room")
        return Servable(name, version, folder)

    repository = Repository(without(both), load, max_num_load_retries=0)
    with pytest.raises(StatusError, match="out of memory: no room"):
        repository.reconfigure(both)
    full[0] = False
    repository.refresh()
    assert {"stays": [3], "returns": []} == repository.versions

    repository.reconfigure(without(both))
    assert [State.END] == [state.state for state in repository.states("returns")]
    repository.reconfigure(both)

    assert {"stays": [3], "returns": [3]} == repository.versions
    repository.close()
