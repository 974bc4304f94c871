"""What a card says is what the weights do."""

import json
import os
from pathlib import Path

import pytest

from rnnzoo.models import LanguageModel
from rnnzoo.models.presets import PRESETS
from rnnzoo.tuning import evaluate, open_corpus
from rnnzoo.tuning.corpora.token_files import tokens
from rnnzoo.tuning.pretraining.card_page import card_page


@pytest.mark.parametrize("name", ["gru_wikitext2", "irnn_wikitext2"])
def test_a_card_agrees_with_the_weights(name: str, tmp_path: Path) -> None:
    if not Path(os.environ.get("RNNZOO_DATA", ""), "wikitext-2").is_dir():
        pytest.skip("WikiText-2 is not here: set RNNZOO_DATA to a folder that holds wikitext-2/train.txt and so on.")
    model = LanguageModel.from_preset(name)
    figures = evaluate(model, tokens(open_corpus("wikitext-2"), model.vocabulary, "test", cache_folder=tmp_path))
    card = PRESETS[name].card["test"]
    assert card["tokens"] == figures.tokens
    assert card["perplexity"] == pytest.approx(figures.perplexity, rel=1e-4)
    assert card["top5"] == pytest.approx(figures.top5, abs=1e-3)


@pytest.mark.parametrize("name", PRESETS)
def test_a_page_says_what_the_card_holds(name: str) -> None:
    preset = PRESETS[name]
    search = preset.folder / "search.json"
    searched = json.loads(search.read_text(encoding="utf-8")) if search.exists() else None
    assert (preset.folder / "README.md").read_text(encoding="utf-8") == card_page(name, preset.card, searched)
