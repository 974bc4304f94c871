"""What all tests rely on."""

import signal

import pytest

# Tests run these in processes of their own; pytest would import them in search of doctests.
collect_ignore = ["tuning/mirrored_script.py", "tuning/search/workers/script.py"]


@pytest.fixture(autouse=True, scope="session")
def ctrl_c_is_heard() -> None:
    """A shell's background job ignores Ctrl-C, and so would every process that a test starts and interrupts."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
