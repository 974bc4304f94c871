"""A home of their own for the caches of searches."""

from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True, scope="module")
def token_files_elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(tmp_path_factory.mktemp("home")))
        yield
