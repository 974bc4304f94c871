"""What a command writes to when the shell closed it, and when the locale has few letters."""

import os
import subprocess
import sys

import pytest

RNNZOO = f"{sys.executable} -m rnnzoo"


def _shell(command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | environment
    return subprocess.run(command, shell=True, capture_output=True, text=True, check=False, env=environment)


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_closed_stream_is_no_error(closed: str) -> None:
    process = _shell(f"{RNNZOO} list {closed}")
    assert (0, "") == (process.returncode, process.stderr)


def test_a_closed_stream_gets_its_own_number() -> None:
    code = "import sys; from rnnzoo.commands.streams import open_streams; open_streams(); "
    code += "sys.exit(10 * sys.stdout.fileno() + sys.stderr.fileno())"
    assert 12 == _shell(f"{sys.executable} -c '{code}' >&- 2>&- <&-").returncode


def test_letters_that_the_locale_lacks_end_nothing() -> None:
    process = _shell(f"{RNNZOO} train --help", LC_ALL="C", PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert (0, "") == (process.returncode, process.stderr)
    assert "--corpus" in process.stdout


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_full_standard_output_is_named(unbuffered: str) -> None:
    process = _shell(f"{RNNZOO} --version > /dev/full", PYTHONUNBUFFERED=unbuffered)
    expected = "Error: standard output: No space left on device. Make room there, or choose another place.\n"
    assert (1, expected) == (process.returncode, process.stderr)
