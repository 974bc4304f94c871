"""Public names that are imported when they are first used, so that importing a room costs no TensorFlow."""

import importlib
from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["lazy_names"]


def lazy_names(package: str, homes: Mapping[str, str]) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """A package's `__getattr__` and `__dir__` (PEP 562).

    Args:
        package: the package's `__name__`.
        homes: for each public name, the module of the package that it lives in; a module is its own.

    Example:
        >>> get, _ = lazy_names("rnnzoo.models", {"NETWORKS": "architectures"})
        >>> get("NETWORKS")[-1]
        'gru'
    """

    def get(name: str) -> Any:
        if name in homes:
            home = importlib.import_module(f"{package}.{homes[name]}")
            return home if homes[name] == name else getattr(home, name)
        raise AttributeError(f"module {package!r} has no attribute {name!r}.")

    return get, lambda: sorted(homes)
