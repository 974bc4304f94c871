"""The page on extending the zoo: its blocks, as they stand there, and its network in every check of the conformance."""

import importlib
import inspect
import itertools
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from conformance import networks, reference
from pages.blocks import ROOT, blocks_of

from rnnzoo.models import NETWORKS, LanguageModel, NetworkConfig, architectures, layers
from rnnzoo.models.architectures import Architecture
from rnnzoo.tuning.diagnosis.evidence import Evidence
from rnnzoo.tuning.diagnosis.remedies import remedies_for
from rnnzoo.tuning.diagnosis.verdict import Finding, Verdict
from rnnzoo.tuning.memory import adding_table, spread_table
from rnnzoo.tuning.pretraining.card_figure import zoo_figure

BLOCKS = blocks_of(ROOT / "models" / "EXTENDING.md")


def block(mark: str) -> str:
    (code,) = (one.code for one in BLOCKS if one.mark == mark)
    return code


@pytest.fixture(scope="module")
def new_layer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The page's file, importable while these tests run."""
    folder = tmp_path_factory.mktemp("extending")
    (folder / "ugrnn.py").write_text(block("ugrnn.py"), encoding="utf-8")
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.syspath_prepend(folder)
        yield importlib.import_module("ugrnn").UGRNN
        del sys.modules["ugrnn"]


@pytest.fixture
def network(new_layer: Any) -> networks.Network:
    """The entry of the page, with the reference of the page."""
    written: dict[str, Any] = {}
    exec(block("reference"), vars(reference) | {}, written)
    names: dict[str, Any] = {
        "Network": networks.Network,
        "UGRNN": new_layer,
        "reference": type("reference", (), written),
    }
    exec(block("entry"), names)
    entry = names["NETWORKS"][-1]
    assert isinstance(entry, networks.Network)
    return entry


def checks() -> Iterator[Any]:
    """Every check that runs over all networks, with each of its variations."""
    for path in sorted((ROOT / "tests" / "conformance").glob("test_*.py")):
        module = importlib.import_module(f"conformance.{path.stem}")
        for name, check in vars(module).items():
            if name.startswith("test_") and "network" in inspect.signature(check).parameters:
                yield from variations(check)


def variations(check: Callable[..., None]) -> Iterator[Any]:
    lists = {}
    for mark in check.pytestmark:  # type: ignore[attr-defined]
        names, values = (*mark.args, *mark.kwargs.values())[:2]
        lists[names] = values
    asked = set(inspect.signature(check).parameters) - set(lists) - {"tmp_path"}
    if lists.pop("network") not in (networks.NETWORKS, networks.DIFFERENT) or asked:
        return  # for some networks only; or for files that other processes read, where this page's class is not
    for values in itertools.product(*lists.values()):
        options = dict(zip(lists, values, strict=True))
        yield pytest.param(check, options, id="-".join([check.__name__, *map(str, values)]))


@pytest.mark.parametrize(("check", "options"), list(checks()))
def test_conformance(
    network: networks.Network, check: Callable[..., None], options: dict[str, Any], tmp_path: Path
) -> None:
    folder = {"tmp_path": tmp_path} if "tmp_path" in inspect.signature(check).parameters else {}
    check(network=network, **options, **folder)


def test_conformance_is_most_of_it() -> None:
    assert len({parameters.values[0] for parameters in checks()}) >= 20


def test_blocks_run(new_layer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    (row,) = eval(f"{{{block('row')}}}", {"Architecture": Architecture}).items()
    monkeypatch.setitem(architectures.ARCHITECTURES, *row)  # type: ignore[arg-type]
    monkeypatch.setattr(layers, "UGRNN", new_layer, raising=False)
    names: dict[str, Any] = {}
    for one in BLOCKS:
        if one.mark == "run":
            exec(compile(one.code, one.name, "exec"), names)
    assert (4, 7, 16) == names["outputs"].shape
    assert isinstance(names["model"], LanguageModel)
    assert [new_layer, new_layer] == [type(layer) for layer in names["model"].recurrent_layers]


def test_the_row_is_all_that_diagnosis_and_tables_ask_for(monkeypatch: pytest.MonkeyPatch) -> None:
    (row,) = eval(f"{{{block('row')}}}", {"Architecture": Architecture}).items()
    monkeypatch.setitem(architectures.ARCHITECTURES, *row)  # type: ignore[arg-type]
    network = NetworkConfig(network="ugrnn")
    for name, evidence in (("vanishing", Evidence(factor=0.5)), ("exploding", Evidence(first_factor=1.5))):
        verdict = Verdict(findings=(Finding(name=name, reason="made up", numbers={}),))
        assert "normalisation" in {remedy.name for remedy in remedies_for(verdict, evidence, network)}
    for module in (adding_table, spread_table):
        monkeypatch.setattr(module, "NETWORKS", (*NETWORKS, "ugrnn"))
    assert "ugrnn" in {cell.row for cell in adding_table.adding_table().cells}
    assert set(NETWORKS) == {cell.row for cell in spread_table.spread_table().cells}  # it has no recipe yet
    card = {"network": network.as_dict(), "diagnosis": {"median": [1.0, 0.5]}}
    assert zoo_figure({"ugrnn_wikitext2": card}).svg()


def test_every_python_block_is_tested() -> None:
    marks = {one.mark for one in BLOCKS if one.language == "python"}
    assert {"ugrnn.py", "reference", "entry", "row", "run"} == marks


def test_the_page_is_as_short_as_it_says() -> None:
    lines = [line for line in block("ugrnn.py").splitlines() if line.strip()]
    assert len(lines) <= 50
    (entry,) = re.findall(r"^    Network\($.*?^    \),$", block("entry"), flags=re.MULTILINE | re.DOTALL)
    assert 5 == len(entry.splitlines())
