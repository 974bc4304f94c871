"""The API reference, HTML pages made from the docstrings: `python docs/reference.py [FOLDER]`."""

import importlib
import inspect
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pdoc

__all__ = ["PUBLIC", "write_reference"]

# A page for each: what a room exports, and the modules beside the rooms that people import from.
PUBLIC = (
    "rnnzoo",
    "rnnzoo.models",
    "rnnzoo.models.initializers",
    "rnnzoo.tuning",
    "rnnzoo.tuning.diagnosis",
    "rnnzoo.tuning.memory",
    "rnnzoo.tuning.search",
    "rnnzoo.serving",
    "rnnzoo.serving.errors",
)


def write_reference(folder: Path, modules: Sequence[str] = PUBLIC) -> Path:
    """Write a page for each module, and one to begin with.

    Returns:
        The path of the first page.
    """
    walked: set[str] = set()  # what pdoc comes to by itself
    for module in map(importlib.import_module, modules):
        # Names that are imported when they are first used are none to pdoc before that.
        vars(module).update({name: getattr(module, name) for name in module.__all__})
        walked |= {f"{module.__name__}.{name}" for name in module.__all__}
    for layer in _layers():
        layer.__init__ = _shown_constructor(layer)  # type: ignore[method-assign]
    pdoc.render.configure(docformat="google", search=len(modules) > 1)
    pdoc.pdoc(*(name for name in modules if name not in walked), output_directory=folder)
    return folder / "index.html"


def _layers() -> list[type]:
    from rnnzoo.models import layers

    return [getattr(layers, name) for name in layers.__all__]


def _shown_constructor(layer: type) -> Callable[..., None]:
    """The constructor that a layer inherits, with the signature that it shows: pdoc lists none that is inherited."""

    def constructor(self: Any, *arguments: Any, **options: Any) -> None:
        """See above, and `rnnzoo.models.SimpleRNN` for what all layers take."""
        inherited(self, *arguments, **options)

    inherited = layer.__init__  # type: ignore[misc]
    shown = inspect.signature(layer)
    this = inspect.Parameter("self", inspect.Parameter.POSITIONAL_ONLY)
    constructor.__signature__ = shown.replace(parameters=[this, *shown.parameters.values()])  # type: ignore[attr-defined]
    constructor.__name__ = "__init__"
    constructor.__qualname__ = f"{layer.__qualname__}.__init__"
    return constructor


if __name__ == "__main__":
    print(write_reference(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[1] / "site"))
