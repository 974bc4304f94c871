"""What all tests rely on."""

import gc
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

# Tests run these in processes of their own; pytest would import them in search of doctests.
collect_ignore = ["tuning/mirrored_script.py", "tuning/search/workers/script.py"]

# Files of few tests that take minutes. Whoever is handed one last lets the other worker wait.
SLOWEST = (
    "notebooks/test_notebooks.py",
    "tuning/test_devices.py",
    "tuning/pretraining/test_cards.py",
    "tuning/search/test_continued_trials.py",
    "tuning/search/workers/test_processes.py",
    "tuning/diagnosis/test_fates.py",
    "cli/test_pretrain.py",
    "tuning/search/test_shared_search.py",
)

# A test that meets a busy moment of the machine has found nothing out.
settings.register_profile("rnnzoo", deadline=None)
settings.load_profile("rnnzoo")

# Homes of their own hold the caches of tests.
os.environ.pop("XDG_CACHE_HOME", None)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The slowest files first, all others in their order."""
    places = {(Path(__file__).parent / name).resolve(strict=True): place for place, name in enumerate(SLOWEST)}
    items.sort(key=lambda item: places.get(item.path, len(places)))


@pytest.fixture(autouse=True, scope="session")
def ctrl_c_is_heard() -> None:
    """A shell's background job ignores Ctrl-C, and so would every process that a test starts and interrupts."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True, scope="session")
def no_file_waits_for_the_disk() -> Iterator[None]:
    """What tests write need outlive no power cut, and a disk that they all write to takes seconds to say it has it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda descriptor: None)
        yield


@pytest.fixture(autouse=True, scope="module")
def garbage_of_this_file_alone_is_collected() -> None:
    """Keras and KerasTuner collect for each model and trial, in a heap that holds TensorFlow and all tests before."""
    gc.collect()
    gc.freeze()
