"""Recurrent networks for next-word prediction in Keras: shown, cured, served.

Three rooms, each imported when it is first needed, so that `import rnnzoo` costs no TensorFlow:

- `rnnzoo.models`: what a network is;
- `rnnzoo.tuning`: how a network learns;
- `rnnzoo.serving`: how a network answers.
"""

import importlib
from types import ModuleType

__all__ = ["__version__", "models", "serving", "tuning"]
__version__ = "0.1.0"

_ROOMS = ("models", "tuning", "serving")


def __getattr__(name: str) -> ModuleType:
    if name in _ROOMS:
        return importlib.import_module(f"rnnzoo.{name}")
    raise AttributeError(f"module 'rnnzoo' has no attribute {name!r}.")
