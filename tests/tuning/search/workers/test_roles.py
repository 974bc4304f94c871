"""Who a process is."""

import pytest
from keras_tuner.src.distribute import utils

from rnnzoo.tuning.search.workers import roles
from rnnzoo.tuning.search.workers.roles import Address, free_address, role_environment


@pytest.mark.parametrize(("tuner_id", "chief"), [("chief", True), ("worker-0", False), ("rnnzoo-chief-7-0", False)])
def test_keras_tuner_sees_the_same_role(monkeypatch: pytest.MonkeyPatch, tuner_id: str, chief: bool) -> None:
    for name, value in role_environment(tuner_id, Address("10.0.0.7", 8765), number=2, limit=3, patience=4.5).items():
        monkeypatch.setenv(name, value)
    assert utils.has_chief_oracle()
    assert chief == utils.is_chief_oracle()
    assert "10.0.0.7:8765" == str(Address.from_environment())
    assert (2, 3, 4.5) == (roles.worker_number(), roles.process_limit(), roles.patience())


def test_without_a_supervisor_a_worker_goes_on_and_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RNNZOO_TRIALS_PER_PROCESS", raising=False)
    assert roles.process_limit() is None


def test_free_addresses_are_for_this_machine_alone() -> None:
    assert "127.0.0.1" == free_address().host
