"""The page holds all it shows, the files beside it are whole, and networks that are broken are shown as well."""

import dataclasses
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import keras
import numpy as np
import pytest

from rnnzoo.models import LanguageModel, NetworkConfig, Vocabulary
from rnnzoo.tuning.diagnosis import Diagnosis, diagnose
from rnnzoo.tuning.diagnosis.page import write_page
from rnnzoo.tuning.diagnosis.signs import LayerSigns, Sample, Signs, VariableSigns

VOCABULARY = Vocabulary.from_lines([["to", "be", "or", "not", "a<b", "$x$"]])
TOKENS = np.random.default_rng(0).integers(len(VOCABULARY), size=200)
SENTENCE = "to be or a<b $x$ not to be"
VOID = {"meta", "br", "img", "link", "input", "hr"}


class Page(HTMLParser):
    """What a browser would find: tags in their order, ids, and whatever is fetched from elsewhere."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)
        self.close()
        assert [] == self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self.ids += [value for name, value in attrs if name == "id" and value]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert tag == self.open.pop()

    def handle_data(self, data: str) -> None:
        self.text += data


def signs() -> Signs:
    seen = Signs()
    for step in range(1, 31):
        seen.losses[step] = 3.0 - step / 20
    for step in (1, 10, 20, 30):
        variable = VariableSigns(
            gradient_norm=2.0,
            clipped_norm=1.0,
            clipped=1.0,
            weight_norm=3.0,
            update_ratio=1e-3,
            bad_gradients=0.0,
            bad_weights=0.0,
        )
        layer = LayerSigns(dead=0.0, saturated=0.25, largest=0.9)
        seen.notice(Sample(step=step, variables={"kernel": variable}, layers={"lstm_0": layer}))
    return seen


def look(network: str, **options: Any) -> Diagnosis:
    keras.utils.set_random_seed(1)
    model = LanguageModel(VOCABULARY, NetworkConfig(network=network, units=6))
    return diagnose(model, TOKENS, **{"name": network, "lags": 20, "positions": 4, "text": SENTENCE, **options})


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Diagnosis], Path]:
    diagnoses = [look("lstm", signs=signs()), look("simple_rnn_tanh")]
    folder = tmp_path_factory.mktemp("page")
    assert folder / "index.html" == write_page(diagnoses, folder, text="toy & co")
    return diagnoses, folder


def test_the_page_is_whole_and_fetches_nothing(written: tuple[list[Diagnosis], Path]) -> None:
    text = (written[1] / "index.html").read_text(encoding="utf-8")
    page = Page(text)
    assert "://" not in text
    assert not {"script", "link", "iframe"} & {tag for tag, _ in page.tags}
    for _, attributes in page.tags:
        for name in ("src", "href", "xlink:href"):
            assert (attributes.get(name) or "#").startswith(("#", "data:"))
    assert len(page.ids) == len(set(page.ids))
    for reference in re.findall(r'(?:url\(#|href="#)([^)"]+)', text):
        assert reference in page.ids


def test_the_page_says_the_verdict_its_rule_and_every_remedy(written: tuple[list[Diagnosis], Path]) -> None:
    page = Page((written[1] / "index.html").read_text(encoding="utf-8"))
    assert "toy & co" in page.text
    for diagnosis in written[0]:
        assert f"{diagnosis.name}: {diagnosis.verdict.name}" in page.text
        assert diagnosis.verdict.reason in page.text
        assert all(remedy.keras in page.text for remedy in diagnosis.remedies)
    assert "a<b" in page.text


def test_every_drawing_is_there_for_wide_and_narrow_windows_in_the_page_colours(
    written: tuple[list[Diagnosis], Path],
) -> None:
    text = (written[1] / "index.html").read_text(encoding="utf-8")
    kinds = [attributes["class"] for tag, attributes in Page(text).tags if tag == "svg"]
    figures = list((written[1] / "figures").glob("*.svg"))
    assert 1 + 5 + 4 == len(figures) == kinds.count("wide") == kinds.count("narrow")
    drawings = text[text.index("<body>") :]
    assert "var(--ink)" in drawings
    assert "#1f2329" not in drawings


def test_each_figure_is_a_picture_on_its_own(written: tuple[list[Diagnosis], Path]) -> None:
    for path in (written[1] / "figures").glob("*.svg"):
        assert ElementTree.parse(path).getroot().tag.endswith("svg")
        assert path.with_suffix(".png").read_bytes().startswith(b"\x89PNG")


def _reject(name: str) -> None:
    raise AssertionError(f"{name} is no JSON")


def test_the_numbers_come_back_from_json(written: tuple[list[Diagnosis], Path]) -> None:
    told = json.loads((written[1] / "diagnosis.json").read_text(), parse_constant=_reject)
    assert "toy & co" == told["text"]
    for diagnosis, numbers in zip(written[0], told["networks"], strict=True):
        assert json.loads(json.dumps(diagnosis.as_dict(), allow_nan=False)) == numbers
        layer = diagnosis.flow.layers[0]
        np.testing.assert_array_equal(layer.hidden.median, numbers["flow"]["layers"][0]["hidden"]["median"])
        assert diagnosis.verdict.reason == numbers["verdict"]["findings"][0]["reason"]
        assert diagnosis.evidence.factor == numbers["evidence"]["factor"]
        assert len(VOCABULARY.split(SENTENCE)) == len(numbers["words"]["words"])


def test_weights_that_are_not_numbers_are_named_and_shown(tmp_path: Path) -> None:
    model = LanguageModel(VOCABULARY, NetworkConfig(network="irnn", units=6))
    kernel = model.recurrent_layers[0].cell.recurrent_kernel
    kernel.assign(np.full(kernel.shape, np.nan))
    diagnosis = diagnose(model, TOKENS, lags=20, positions=4, text=SENTENCE)
    assert "exploding" == diagnosis.verdict.name
    assert "36 values of" in diagnosis.verdict.reason
    write_page([diagnosis], tmp_path)
    json.loads((tmp_path / "diagnosis.json").read_text(), parse_constant=_reject)
    assert "no finite number to show" in Page((tmp_path / "index.html").read_text()).text


def test_a_gradient_that_grows_beyond_all_numbers_is_shown(tmp_path: Path) -> None:
    keras.utils.set_random_seed(1)
    model = LanguageModel(VOCABULARY, NetworkConfig(network="simple_rnn_leaky_relu", units=6))
    model.recurrent_layers[0].cell.recurrent_kernel.assign(1.5 * np.eye(6))
    diagnosis = diagnose(model, TOKENS, lags=20, positions=4)
    evidence = dataclasses.replace(diagnosis.evidence, needed_lag=10_000)
    write_page([dataclasses.replace(diagnosis, evidence=evidence)], tmp_path)
    assert "left after 10000 words" in Page((tmp_path / "index.html").read_text()).text


def test_the_network_before_training_tells_a_bad_start() -> None:
    before = LanguageModel(VOCABULARY, NetworkConfig(network="irnn", units=6))
    before.recurrent_layers[0].cell.recurrent_kernel.assign(1.5 * np.eye(6))
    diagnosis = look("lstm", before=before)
    assert diagnosis.before is not None
    assert diagnosis.evidence.first_factor is not None
    assert 1.2 < diagnosis.evidence.first_factor


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"lags": 500}, "a corpus must hold at least lags"),
        ({"text": "to"}, "at least two words"),
        ({"needed_lag": 21}, "lags must be at least needed_lag, .*, but got lags=20, needed_lag=21"),
        ({"needed_lag": 0}, "needed_lag must be a positive integer"),
    ],
)
def test_bad_input(options: dict[str, Any], line: str) -> None:
    with pytest.raises(ValueError, match=line):
        look("simple_rnn_tanh", **options)


def test_no_diagnosis_makes_no_page(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at least one diagnosis"):
        write_page([], tmp_path)
