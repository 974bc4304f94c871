"""No field without its option."""

from dataclasses import dataclass, fields
from typing import Any

import pytest
import typer
from cli.conftest import Call

from rnnzoo.cli import app
from rnnzoo.commands.configuration import chosen, described, options_from
from rnnzoo.commands.recipe import PANELS
from rnnzoo.models.architectures import NetworkConfig
from rnnzoo.tuning.training_config import TrainingConfig

FIELDS = [(config, field.name) for config in (NetworkConfig, TrainingConfig) for field in fields(config)]
NAMES_OF_THEIR_OWN = {"corpus_options": "--corpus-option"}


def _parameters(command: str) -> dict[str, Any]:
    group: Any = typer.main.get_command(app)
    return {parameter.name: parameter for parameter in group.commands[command].params}


@pytest.mark.parametrize("command", ["train", "tune"])
@pytest.mark.parametrize(("config", "name"), FIELDS)
def test_every_field_has_its_option(command: str, config: type, name: str) -> None:
    parameter = _parameters(command)[name]
    if name != "network":
        assert NAMES_OF_THEIR_OWN.get(name, f"--{name.replace('_', '-')}") in parameter.opts
    assert parameter.help


@pytest.mark.parametrize(("config", "name"), FIELDS)
def test_every_field_is_described_and_stands_in_a_section(config: type, name: str) -> None:
    assert described(config)[name]
    assert name in {"network", "corpus_options"}.union(*PANELS.values())


@pytest.mark.parametrize("names", PANELS.values())
def test_the_sections_name_fields_only(names: tuple[str, ...]) -> None:
    assert set() == set(names) - {name for _, name in FIELDS}


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """For the tests below.

    Attributes:
        size: how large, in
            [brackets].
        rate, ratio: two that share a line.
        mode: None or a word.
        switch: on, off, or "auto".
        flag: on or off.
        cuts: None or several.
    """

    size: int = 3
    rate: float | None = 0.5
    ratio: float | None = None
    mode: str | None = None
    switch: bool | str = "auto"
    flag: bool = True
    cuts: tuple[int, ...] | None = None


@pytest.fixture
def invoke() -> Any:
    def invoke(*arguments: str) -> dict[str, Any]:
        received: dict[str, Any] = {}

        @options_from(Recipe, panels={"Numbers": ("rate", "size")})
        def command(**options: Any) -> None:
            received.update(chosen(Recipe, options))

        application = typer.Typer()
        application.command()(command)
        application(list(arguments), standalone_mode=False)
        return received

    return invoke


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], {}),
        (["--size", "4"], {"size": 4}),
        (["--rate", "0.25"], {"rate": 0.25}),
        (["--rate", "none"], {"rate": None}),
        (["--mode", "none"], {"mode": None}),
        (["--mode", "fast"], {"mode": "fast"}),
        (["--switch", "true"], {"switch": True}),
        (["--switch", "False"], {"switch": False}),
        (["--switch", "auto"], {"switch": "auto"}),
        (["--no-flag"], {"flag": False}),
        (["--cuts", "none"], {"cuts": None}),
        (["--cuts", "20"], {"cuts": (20,)}),
        (["--cuts", "20, 300"], {"cuts": (20, 300)}),
        (["--flag", "--ratio", "1e-3"], {"flag": True, "ratio": 0.001}),
    ],
)
def test_only_what_was_given_arrives(arguments: list[str], expected: dict[str, Any], invoke: Any) -> None:
    assert expected == invoke(*arguments)


def test_descriptions_come_from_the_docstring() -> None:
    expected = {
        "size": "how large, in [brackets].",
        "rate": "two that share a line.",
        "ratio": "see --rate.",
        "mode": "None or a word.",
        "switch": 'on, off, or "auto".',
        "flag": "on or off.",
        "cuts": "None or several.",
    }
    assert expected == described(Recipe)


@pytest.mark.parametrize(
    ("option", "value", "line"),
    [
        ("--units", "many", "valid integer"),
        ("--units", "none", "valid integer"),
        ("--clipnorm", "tight", "it must be NUMBER|none, but got 'tight'"),
        ("--longest-lag", "2.5", "it must be INTEGER|none, but got '2.5'"),
        ("--cutoffs", "20,", "it must be INTEGER,...|none, but got '20,'"),
    ],
)
def test_a_value_of_another_type_is_a_wrong_call(option: str, value: str, line: str, call: Call) -> None:
    assert call("train", "irnn", option, value).says_in_one_line(2, line)
