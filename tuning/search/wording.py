"""How what a search found is written for people. Needs no TensorFlow."""

from rnnzoo.tuning.search.hyperparameters import Value

__all__ = ["brief", "counted", "duration", "last_line"]


def brief(value: Value) -> str:
    """A value in few digits.

    >>> [brief(0.123456), brief(1e-05), brief(200), brief(None), brief("adam")]
    ['0.1235', '1e-05', '200', 'none', 'adam']
    """
    return "none" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)


def counted(number: int, noun: str) -> str:
    """A number of things, with the noun in its number.

    >>> counted(1, "trial"), counted(2, "trial")
    ('1 trial', '2 trials')
    """
    return f"{number} {noun}{'' if number == 1 else 's'}"


def duration(seconds: float) -> str:
    """A time in its two largest units.

    >>> [duration(one) for one in (0.4, 59.0, 61.0, 3725.0)]
    ['0 s', '59 s', '1 min 1 s', '1 h 2 min']
    """
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    return f"{whole // 60} min {whole % 60} s" if whole < 3600 else f"{whole // 3600} h {whole % 3600 // 60} min"


def last_line(message: str | None) -> str | None:
    """Of a traceback, which is what KerasTuner keeps of an error, the error.

    >>> last_line("Traceback (most recent call last):\\n  ...\\nMemoryError: no room\\n"), last_line(" ")
    ('MemoryError: no room', None)
    """
    return message.strip().splitlines()[-1] if message and message.strip() else None
