"""Command-line options made from the fields of the configurations: no field without its option."""

import dataclasses
import inspect
import re
import types
import typing
from collections.abc import Callable, Mapping
from typing import Annotated, Any, TypeVar

import typer
from rich.markup import escape

__all__ = ["chosen", "described", "options_from"]

Command = TypeVar("Command", bound=Callable[..., Any])

_NOTHING = object()  # "none" was typed, as against nothing at all
_INTEGERS = tuple[int, ...]


def options_from(*configurations: type, panels: Mapping[str, tuple[str, ...]]) -> Callable[[Command], Command]:
    """Give a command, in place of its `**options`, one option per field of the configurations.

    A field's type is the option's, its line in the docstring the help text, its default what the help shows: each is
    written in the dataclass and nowhere else. Where a field may be None, the option takes `none`. Fields that the
    command has as parameters of its own are left to it.

    Args:
        configurations: dataclasses with an `Attributes` section in their docstrings.
        panels: the sections of the help, and the fields in each, in their order; the others come last.
    """
    panel_of = {name: panel for panel, names in panels.items() for name in names}
    order = {name: place for place, name in enumerate(panel_of)}

    def decorate(command: Command) -> Command:
        signature = inspect.signature(command)
        own = [parameter for parameter in signature.parameters.values() if parameter.kind is not parameter.VAR_KEYWORD]
        made = [
            _option(configuration, field, panel_of.get(field.name, "More"))
            for configuration in configurations
            for field in dataclasses.fields(configuration)
            if field.name not in signature.parameters
        ]
        made.sort(key=lambda option: order.get(option.name, len(order)))
        command.__signature__ = signature.replace(parameters=[*own, *made])  # type: ignore[attr-defined]
        return command

    return decorate


def chosen(configuration: type, options: Mapping[str, Any]) -> dict[str, Any]:
    """Of a command's options, those that are fields of the configuration and were given."""
    names = {field.name for field in dataclasses.fields(configuration)}
    given = {name: value for name, value in options.items() if name in names and value is not None}
    return {name: None if value is _NOTHING else value for name, value in given.items()}


def described(configuration: type) -> dict[str, str]:
    """What the `Attributes` section of a dataclass's docstring says about each field.

    >>> from rnnzoo.models.architectures import NetworkConfig
    >>> described(NetworkConfig)["negative_slope"]
    'of the leaky ReLU.'
    """
    section = re.search(r"^Attributes:\n(.*?)(?=^\S|\Z)", inspect.getdoc(configuration) or "", re.M | re.S)
    entries = re.findall(r"^    (\w[\w, ]*): (.*?)(?=^    \S|\Z)", section[1], re.M | re.S) if section else []
    lines: dict[str, str] = {}
    for names, text in entries:
        first, *others = names.split(", ")
        lines[first] = " ".join(text.split())
        lines.update(dict.fromkeys(others, f"see --{first.replace('_', '-')}."))
    return lines


def _option(configuration: type, field: Any, panel: str) -> inspect.Parameter:
    kind = typing.get_type_hints(configuration)[field.name]
    kinds = set(typing.get_args(kind)) if isinstance(kind, types.UnionType) else {kind}
    plain = kinds - {type(None)}
    flag = plain == {bool}
    help_text = described(configuration).get(field.name, "").replace("None", "none")
    if field.default not in (None, dataclasses.MISSING):
        help_text += f" Default: {field.default}."
    info = typer.Option(
        help=escape(help_text),
        rich_help_panel=panel,
        show_default=False,
        parser=None if flag or kinds in ({int}, {float}, {str}) else _parser(kinds),
        metavar=None if flag else _metavar(kinds),
    )
    base = next(iter(plain)) if len(plain) == 1 and plain != {_INTEGERS} else str
    # A default of None, whatever the field's own is: the command has to know what was given and what was not.
    return inspect.Parameter(
        field.name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[base | None, info]
    )


def _parser(kinds: set[type]) -> Callable[[str], Any]:
    read: Callable[[str], Any] = next(reader for kind, reader in _READERS.items() if kind in kinds)

    def parse(text: str) -> Any:
        words = {"none": (type(None), _NOTHING), "true": (bool, True), "false": (bool, False)}
        kind, value = words.get(text.lower(), (None, None))
        if kind in kinds:
            return value
        try:
            return read(text)
        except ValueError:
            raise typer.BadParameter(f"it must be {_metavar(kinds)}, but got {text!r}.") from None

    return parse


def _integers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(","))


_READERS: Mapping[Any, Callable[[str], Any]] = {_INTEGERS: _integers, int: int, float: float, str: str}


def _metavar(kinds: set[type]) -> str:
    names: Mapping[Any, str] = {
        _INTEGERS: "INTEGER,...",
        int: "INTEGER",
        float: "NUMBER",
        str: "TEXT",
        bool: "true|false",
        type(None): "none",
    }
    return "|".join(name for kind, name in names.items() if kind in kinds)
