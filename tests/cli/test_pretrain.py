"""`rnnzoo pretrain`: a preset and its card, out of a recipe."""

import itertools
import json
from pathlib import Path

import pytest
from cli.conftest import Call

from rnnzoo.models import LanguageModel, NetworkConfig
from rnnzoo.tuning import TrainingConfig
from rnnzoo.tuning.pretraining import cards, rate_search
from rnnzoo.tuning.pretraining.recipes import RECIPES, Recipe, Stage

TINY = {"corpus": "python-docs", "corpus_options": {"words": 2_000}}


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """A preset's name, with a recipe of two short stages in its place."""
    network = NetworkConfig(network="skip_update_gru", units=8)
    first = TrainingConfig(**TINY, vocabulary_limit=300, epochs=1, learning_rate=3e-3)
    second = TrainingConfig(**TINY, epochs=1, learning_rate=1e-3)
    recipe = Recipe(stages=(Stage(network=network, training=first), Stage(network=network, training=second)))
    monkeypatch.setitem(RECIPES, "skip_update_gru_wikitext2", recipe)  # type: ignore[arg-type]
    monkeypatch.setattr(cards, "_LAGS", 20)
    monkeypatch.setattr(cards, "_POSITIONS", 4)
    monkeypatch.chdir(tmp_path)
    return "skip_update_gru_wikitext2"


def test_pretraining_trains_measures_and_packs_and_repeats_nothing(tiny: str, tmp_path: Path, call: Call) -> None:
    said = call("pretrain", tiny)
    preset, run = tmp_path / "pretrained" / tiny, tmp_path / "runs" / tiny
    card = json.loads((preset / "card.json").read_text())
    model = LanguageModel.from_preset(preset)
    assert f"perplexity {card['test']['perplexity']:.1f}" in said.out
    assert card["parameters"] == model.count_params()
    assert len(card["epochs"]) == 2
    assert 0 < card["update_share"] <= 1
    assert card["test"]["perplexity"] == pytest.approx(card["before_packing"]["test"]["perplexity"], rel=5e-3)
    assert [len(asked["words"]) for asked in card["asked"]] == [5] * 5
    assert f"--from-preset runs/{tiny}-1/model" in card["commands"][1]

    page = (preset / "README.md").read_text()
    assert all(command in page for command in card["commands"])
    assert f"{card['test']['perplexity']:.1f}" in page
    assert (preset / "curves.png").read_bytes().startswith(b"\x89PNG")

    trained = {path: path.stat().st_mtime_ns for path in (tmp_path / "runs").rglob("*.h5")}
    weights = (preset / "model.weights.npz").read_bytes()
    call("pretrain", tiny)
    assert trained == {path: path.stat().st_mtime_ns for path in (tmp_path / "runs").rglob("*.h5")}
    assert weights == (preset / "model.weights.npz").read_bytes()
    assert run.is_dir()


def test_a_search_around_the_recipe_stands_in_the_card(
    tiny: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: Call
) -> None:
    monkeypatch.setattr(rate_search, "_CLIPS", (0.25, 1.0))
    said = call("pretrain", tiny, "--search")
    preset = tmp_path / "pretrained" / tiny
    found = json.loads((preset / "search.json").read_text())
    page = (preset / "README.md").read_text()
    trials = found["trials"]
    perplexities = {(trial["learning_rate"], trial["global_clipnorm"]): trial["perplexity"] for trial in trials}
    assert set(perplexities) == set(itertools.product((0.0015, 0.003, 0.006), (0.25, 1.0)))
    assert f"| 0.003 | **{perplexities[0.003, 0.25]:.4g}" in page
    assert found["command"] in page
    assert "trial 6/9" in said.err

    assert ": loss" not in call("pretrain", tiny, "--search").err
    assert json.loads((preset / "search.json").read_text()) == found


def test_only_presets_are_pretrained(call: Call) -> None:
    said = "PRESET: it must be a preset of the package, but got gru_wikitex2. Did you mean gru_wikitext2"
    assert call("pretrain", "gru_wikitex2").says_in_one_line(2, said)


def test_a_folder_that_cannot_be_is_said_before_training(tmp_path: Path, call: Call) -> None:
    (tmp_path / "file").touch()
    asked = ["pretrain", "gru_wikitext2", "--output", tmp_path / "file", "--runs", tmp_path / "runs"]
    assert call(*asked).says_in_one_line(1, f"Error: {tmp_path / 'file'}: Not a directory.")
    assert not (tmp_path / "runs").exists()
