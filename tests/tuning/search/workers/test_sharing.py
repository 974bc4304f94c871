"""Who takes part in a search."""

import math
from typing import Any

import pytest

from rnnzoo.tuning.search.workers.sharing import Sharing


def test_who_works_where() -> None:
    assert [1, 3, 0, 2, 1] == [
        sharing.here
        for sharing in (
            Sharing(),
            Sharing(workers=3),
            Sharing(listen="0.0.0.0:8765"),
            Sharing(workers=2, listen="0.0.0.0:8765"),
            Sharing(chief="10.0.0.7:8765"),
        )
    ]


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"workers": 0}, "there must be a worker here, or listen for"),
        ({"workers": 0, "chief": "a:1"}, "there must be a worker here, or listen for"),
        ({"workers": -1, "listen": "a:1"}, "workers must be an integer of at least 0, but got workers=-1"),
        ({"workers": 1.5}, "workers must be an integer of at least 0, but got workers=1.5"),
        ({"listen": "a:1", "chief": "b:2"}, "a chief is here or elsewhere"),
        ({"trials_per_process": 0}, "integer, but got trials_per_process=0."),
        ({"patience": -1.0}, "a worker's patience must be positive and finite"),
        ({"patience": math.inf}, "a worker's patience must be positive and finite"),
        ({"chief": "here"}, "must be written HOST:PORT, but got 'here'"),
        ({"listen": "here:99999"}, "must be written HOST:PORT"),
    ],
)
def test_what_cannot_be_is_refused(options: dict[str, Any], line: str) -> None:
    with pytest.raises(ValueError, match=line):
        Sharing(**options)
