"""A signal waits for its moment, and then does what it always did."""

import io
import signal
import threading
from collections.abc import Iterator

import pytest

from rnnzoo.tuning.runs.interruption import deferred_interruption


class TerminatedError(Exception):
    pass


@pytest.fixture
def terminate() -> Iterator[None]:
    def raise_terminated(number: int, frame: object) -> None:
        raise TerminatedError

    usual = signal.signal(signal.SIGTERM, raise_terminated)
    yield
    signal.signal(signal.SIGTERM, usual)


@pytest.mark.usefixtures("terminate")
@pytest.mark.parametrize(("number", "error"), [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, TerminatedError)])
def test_noted_then_obeyed(number: int, error: type[BaseException], capsys: pytest.CaptureFixture[str]) -> None:
    with deferred_interruption() as interruption:
        assert interruption.signal is None
        signal.raise_signal(number)
        assert number == interruption.signal
        assert "Press Ctrl-C again to stop at once." in capsys.readouterr().err
        with pytest.raises(error):
            interruption.act()


def test_within_a_print_it_is_noted_without_a_word(monkeypatch: pytest.MonkeyPatch) -> None:
    class Busy(io.StringIO):
        def write(self, text: str) -> int:
            raise RuntimeError("reentrant call inside <_io.BufferedWriter name='<stderr>'>")

    monkeypatch.setattr("sys.stderr", Busy())
    with deferred_interruption() as interruption:
        signal.raise_signal(signal.SIGINT)
        assert signal.SIGINT == interruption.signal
        with pytest.raises(KeyboardInterrupt):
            interruption.act()


def test_what_nobody_acted_on_is_obeyed_as_the_block_ends() -> None:
    usual = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt), deferred_interruption():
        signal.raise_signal(signal.SIGINT)
    assert usual == signal.getsignal(signal.SIGINT)


def test_an_ignored_signal_stays_ignored(capsys: pytest.CaptureFixture[str]) -> None:
    usual = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with deferred_interruption() as interruption:
            signal.raise_signal(signal.SIGINT)
            assert interruption.signal is None
    finally:
        signal.signal(signal.SIGINT, usual)
    assert "" == capsys.readouterr().err


def test_an_error_that_ends_the_block_is_not_hidden() -> None:
    def fail() -> None:
        signal.raise_signal(signal.SIGINT)
        raise ZeroDivisionError

    usual = signal.getsignal(signal.SIGINT)
    with pytest.raises(ZeroDivisionError), deferred_interruption():
        fail()
    assert usual == signal.getsignal(signal.SIGINT)


def test_the_second_is_obeyed_at_once() -> None:
    reached = []

    def interrupt_twice() -> None:
        for time in ("the first", "the second"):
            signal.raise_signal(signal.SIGINT)
            reached.append(time)

    with pytest.raises(KeyboardInterrupt), deferred_interruption():
        interrupt_twice()
    assert ["the first"] == reached


def test_signals_are_as_before_after_the_block() -> None:
    usual = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with deferred_interruption():
        assert usual != [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    assert usual == [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]


def test_other_threads_are_left_alone() -> None:
    seen = []

    def run() -> None:
        with deferred_interruption() as interruption:
            seen.append(interruption.signal)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert [None] == seen
