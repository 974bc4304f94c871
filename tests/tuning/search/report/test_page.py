"""The page of a search and the files beside it."""

import csv
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import metadata
from tensorboard.util.tensor_util import make_ndarray

from rnnzoo.tuning.search.report.page import write_report
from rnnzoo.tuning.search.report.reported_search import ReportedSearch, ReportedTrial

VOID = {"meta", "img", "br", "path", "use", "rect", "circle", "line"}


def trial(number: int, status: str, score: float | None, **values: bool | int | float | str | None) -> ReportedTrial:
    seconds, message = float(number), "<b>diverged</b>" if status == "diverged" else None
    return ReportedTrial(
        number=number, status=status, score=score, values=values, seconds=seconds, ended=2.0 * number, message=message
    )


SEARCH = ReportedSearch(
    name="<irnn>",
    objective="val_loss",
    maximised=False,
    log_scales=frozenset({"learning_rate", "clipnorm"}),
    trials=(
        trial(1, "completed", 5.0, network="lstm", learning_rate=1e-5, clipnorm=0.01, skip=None),
        trial(2, "diverged", 30.0, network="lstm", learning_rate=90.0, clipnorm=80.0, skip=None),
        trial(3, "completed", 3.5, network="skip_rnn", learning_rate=0.7, clipnorm=2.0, skip=4),
        trial(4, "pruned", 4.5, network="lstm", learning_rate=0.01, clipnorm=9.0, skip=None),
        trial(5, "failed", None, network="lstm", learning_rate=0.02, clipnorm=1.0),
        trial(6, "running", None, network="lstm", learning_rate=0.02, clipnorm=3.0),
    ),
    language=True,
)


class Reader(HTMLParser):
    """Sees that what is opened is closed, and keeps the text."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text = ""
        self.ids: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.ids += [value for name, value in attributes if name == "id" and value]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.ids += [value for name, value in attributes if name == "id" and value]

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert tag == self.open.pop()

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_report(SEARCH, tmp_path_factory.mktemp("report"), command="rnnzoo train --repeat found").parent


def test_the_page_is_whole_and_needs_nothing(report: Path) -> None:
    page = (report / "index.html").read_text()
    reader = Reader()
    reader.feed(page)
    assert [] == reader.open
    assert len(reader.ids) == len(set(reader.ids))
    assert not re.search(r'(?:src|href)="(?!#|data:)', page)
    assert "Search <irnn>" in reader.text
    assert "Trial 3: val_loss 3.5, perplexity 33.12" in reader.text
    assert "6 trials: 2 completed, 1 diverged, 1 failed, 1 pruned, 1 running." in reader.text
    assert "21 s of training, 2 s of it in trials that diverged." in reader.text
    assert "rnnzoo train --repeat found" in reader.text


def test_the_table_begins_with_the_best(report: Path) -> None:
    rows = re.findall(r"<tr[^>]*><td[^>]*>(?:<strong>)?(\d)", (report / "index.html").read_text())
    assert ["3", "4", "1", "2", "5", "6"] == rows


def test_each_figure_is_there_as_png_and_svg(report: Path) -> None:
    names = {"best-so-far", "score-against-parameters", "map", "parallel-coordinates"}
    for ending, begin in (("png", b"\x89PNG"), ("svg", b"<?xml")):
        found = {path.stem: path.read_bytes() for path in (report / "figures").glob(f"*.{ending}")}
        assert names == found.keys()
        assert all(content.startswith(begin) for content in found.values())


def test_numbers_are_strict_json_and_a_table(report: Path) -> None:
    numbers = json.loads((report / "report.json").read_text(), parse_constant=pytest.fail)
    assert (3, "min") == (numbers["best"], numbers["direction"])
    assert [one.score for one in SEARCH.trials] == [one["score"] for one in numbers["trials"]]
    with (report / "trials.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert ["1e-05", "90.0", "0.7"] == [row["learning_rate"] for row in rows[:3]]


def test_tensorboard_reads_the_trials(report: Path) -> None:
    runs = {path.name: EventAccumulator(str(path)).Reload() for path in (report / "hparams").glob("trial-*")}
    assert len(SEARCH.trials) == len(runs)
    assert "val_loss" not in runs["trial-0002"].Tags()["tensors"]
    for one in SEARCH.trials:
        events = runs[f"trial-{one.number:04}"]
        content = events.SummaryMetadata(metadata.SESSION_START_INFO_TAG).plugin_data.content
        values = metadata.parse_session_start_info_plugin_data(content).hparams
        assert one.values["learning_rate"] == values["learning_rate"].number_value
        assert one.status == values["status"].string_value
    (score,) = runs["trial-0003"].Tensors("val_loss")
    assert 3.5 == float(make_ndarray(score.tensor_proto))


def test_a_second_report_replaces_the_first_and_nothing_else(tmp_path: Path) -> None:
    others = [tmp_path / "tensorboard" / "events", tmp_path / "hparams" / "trial-0001" / "events.out.tfevents.1.mine"]
    for other in others:
        other.parent.mkdir(parents=True)
        other.write_text("mine")
    write_report(SEARCH, tmp_path)
    write_report(replace(SEARCH, trials=SEARCH.trials[:2]), tmp_path)
    assert ["mine", "mine"] == [other.read_text() for other in others]
    assert ["trial-0001", "trial-0002"] == sorted(path.name for path in (tmp_path / "hparams").glob("trial-*"))
    assert 2 == len(list((tmp_path / "hparams" / "trial-0001").iterdir()))


@pytest.mark.parametrize("name", ["search.json", "trials.json", "oracle.json", "run.json", "diagnosis.json"])
def test_a_folder_of_another_thing_is_refused(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text("{}")
    with pytest.raises(FileExistsError, match=f"a folder of its own, but .* holds {name}: choose another"):
        write_report(SEARCH, tmp_path)
    assert [name] == [path.name for path in tmp_path.iterdir()]


@pytest.mark.parametrize("count", [1, 2])
def test_few_trials_of_one_hyperparameter_have_no_map(tmp_path: Path, count: int) -> None:
    trials = [trial(1, "completed", 2.0, units=8), trial(2, "completed", 2.0, units=8)]
    search = replace(SEARCH, trials=tuple(trials[:count]))
    write_report(search, tmp_path)
    assert ["best-so-far"] == [path.stem for path in (tmp_path / "figures").glob("*.png")]


def test_a_search_in_which_all_diverged_is_drawn_too(tmp_path: Path) -> None:
    trials = [trial(n, "diverged", 30.0 + n, learning_rate=float(n), clipnorm=1.0 / n) for n in range(1, 5)]
    page = write_report(replace(SEARCH, trials=tuple(trials)), tmp_path).read_text()
    assert "No trial came to its end" in page


def test_the_best_of_a_maximised_score_is_the_highest(tmp_path: Path) -> None:
    search = replace(SEARCH, maximised=True, objective="val_accuracy", language=False)
    assert "Trial 1: val_accuracy 5<" in write_report(search, tmp_path).read_text()


@pytest.mark.parametrize("language", [False, True])
def test_a_score_of_which_no_perplexity_can_be_told(tmp_path: Path, language: bool) -> None:
    search = replace(SEARCH, trials=(trial(1, "completed", 1e4, units=8),), language=language)
    page = write_report(search, tmp_path).read_text()
    assert "Trial 1: val_loss 1e+04<" in page


def test_a_hyperparameter_named_as_a_column_has_its_own(tmp_path: Path) -> None:
    trials = tuple(
        replace(
            trial(n, "completed", float(n)), epochs=1.0, values={"status": f"wide {n}", "score": n, "epochs": 7 * n}
        )
        for n in (1, 2)
    )
    page = write_report(replace(SEARCH, trials=trials), tmp_path).read_text()
    titles = ["trial", "status", "val_loss", "perplexity", "epochs", "time", "hp/status", "score", "hp/epochs"]
    assert titles == re.findall(r"<th[^>]*>([^<]*)</th>", page)
    with (tmp_path / "trials.csv").open(newline="") as file:
        row = list(csv.DictReader(file))[1]
    assert ("completed", "2.0", "1.0") == (row["status"], row["score"], row["epochs"])
    assert ("wide 2", "2", "14") == (row["hp/status"], row["hp/score"], row["hp/epochs"])
    events = EventAccumulator(str(tmp_path / "hparams" / "trial-0002")).Reload()
    content = events.SummaryMetadata(metadata.SESSION_START_INFO_TAG).plugin_data.content
    values = metadata.parse_session_start_info_plugin_data(content).hparams
    assert ("completed", "wide 2") == (values["status"].string_value, values["hp/status"].string_value)


def test_dollars_are_no_mathematics(tmp_path: Path) -> None:
    names = ("$\\foo$", "price in $ or $")
    trials = tuple(trial(n, "completed", float(n), **{names[0]: "x_$\\bar$" * n, names[1]: n}) for n in (1, 2, 3))
    write_report(replace(SEARCH, trials=trials, objective="$\\loss$"), tmp_path)
    assert (tmp_path / "figures" / "parallel-coordinates.png").exists()
