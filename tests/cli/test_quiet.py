"""What TensorFlow writes while it is imported is shown if it says why that failed."""

import os

import pytest

from rnnzoo.commands.quiet import _native_stderr_kept_back


@pytest.mark.parametrize(
    ("end", "shown"), [(None, ""), (ImportError(), "a log\n"), (SystemExit(), ""), (KeyboardInterrupt(), "")]
)
def test_what_was_kept_back(end: BaseException | None, shown: str, capfd: pytest.CaptureFixture[str]) -> None:
    def fail() -> None:
        with _native_stderr_kept_back():
            os.write(2, b"a log\n")
            if end is not None:
                raise end

    if end is None:
        fail()
    else:
        with pytest.raises(type(end)):
            fail()
    assert shown == capfd.readouterr().err
