"""The package's presets on the command line, by name."""

import json
from pathlib import Path

import pytest
from cli.conftest import Call

from rnnzoo.commands.model_folder import model_folder
from rnnzoo.commands.preset_table import HEAD, preset_rows
from rnnzoo.commands.recipe import read_recipe
from rnnzoo.models.presets import PRESETS
from rnnzoo.tuning.pretraining.recipes import RECIPES

LARGE = "lstm_large_wikitext2"


def test_a_preset_goes_on_with_a_text(call: Call) -> None:
    out = call("generate", LARGE, "the capital of the United", "--max-words", 1, "--temperature", 0).out
    assert out == "the capital of the United States\n"


def test_it_is_measured_on_a_text_of_ones_own(tmp_path: Path, call: Call) -> None:
    (tmp_path / "text.txt").write_text("The game was released in North America .\n" * 2_000)
    figures = json.loads(call("evaluate", LARGE, "--corpus", tmp_path / "text.txt", "--json").out)
    assert 1 < figures["perplexity"] < 1_000


@pytest.mark.parametrize("command", ["generate", "evaluate"])
def test_a_name_that_is_none_suggests_the_near_ones(command: str, call: Call) -> None:
    text = ["the"] if command == "generate" else []
    assert call(command, "lstm-large-wikitext2", *text).says_in_one_line(1, f"Did you mean {LARGE}")


@pytest.mark.parametrize("name", PRESETS)
def test_its_card_says_how_it_was_trained(name: str) -> None:
    network, training = read_recipe(Path(name))
    _, stage = RECIPES[name].runs(f"runs/{name}")[-1]
    assert (stage.network, stage.training) == (network, training)
    assert model_folder(Path(name)) == PRESETS[name].folder


def test_list_shows_the_presets(call: Call) -> None:
    out = call("list").out
    assert all(name in out for name in PRESETS)


def test_the_table_for_a_page_holds_what_the_cards_hold(call: Call) -> None:
    head, _, *rows = call("list", "--markdown").out.splitlines()
    assert head == f"| {' | '.join(HEAD)} |"
    assert len(PRESETS) == len(rows) == len(preset_rows())
    for preset, row in zip(PRESETS.values(), rows, strict=True):
        assert f"{preset.card['test']['perplexity']:.1f}" in row


def test_the_readme_shows_that_table(call: Call) -> None:
    assert call("list", "--markdown").out in (Path(__file__).parents[2] / "README.md").read_text()
