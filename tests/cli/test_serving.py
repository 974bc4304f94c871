"""`rnnzoo export`, `rnnzoo serve` and `rnnzoo predict`: a network from its run to an answer."""

import errno
import json
import os
import re
import select
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cli.conftest import SENTENCE, Call

from rnnzoo.cli import main


@pytest.fixture(scope="module")
def export(run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("export")
    with pytest.raises(SystemExit) as end:
        main(["--verbose", "export", str(run), str(folder), "--top-k", "6"])
    assert 0 == end.value.code
    return folder


@pytest.fixture(scope="module")
def addresses(export: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """Of `rnnzoo serve` in a process of its own, by gRPC and by HTTP; Ctrl-C ends it well."""
    kept = tmp_path_factory.mktemp("kept")
    command = [sys.executable, "-m", "rnnzoo", "serve", os.fspath(export), "--port", "0", "--model-name", "cats"]
    command += ["--monitoring", "--keep-requests", os.fspath(kept)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert select.select([process.stdout], [], [], 120)[0]
        line = process.stdout.readline()
        match = re.fullmatch(r"cats is served on (127\.0\.0\.1:\d+); Ctrl-C ends it\.\n", line)
        assert match is not None, line
        page = re.fullmatch(r"Try it out at (http://127\.0\.0\.1:\d+)/\.\n", process.stdout.readline())
        assert page is not None
        yield match[1], page[1]
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
        assert (0, "") == (process.returncode, err)
        assert ["requests-00000.tfrecord"] == [file.name for file in kept.iterdir()]
    finally:
        process.kill()


@pytest.fixture(scope="module")
def address(addresses: tuple[str, str]) -> str:
    return addresses[0]


def test_the_http_port_answers_with_the_api_the_page_and_the_metrics(addresses: tuple[str, str]) -> None:
    def get(path: str, body: bytes | None = None) -> str:
        with urllib.request.urlopen(f"{addresses[1]}{path}", body, timeout=60) as answer:
            return str(answer.read().decode())

    (row,) = json.loads(get("/v1/models/cats:predict", b'{"instances": ["the cat"]}'))["predictions"]
    assert 6 == len(row["words"]) == len(row["probabilities"])
    assert "<title>Next words" in get("/")
    assert ':tensorflow:serving:request_count{model_name="cats",status="OK"}' in get("/monitoring/prometheus/metrics")


def test_an_export_is_a_numbered_version(export: Path) -> None:
    assert (export / "1" / "saved_model.pb").is_file()


def test_export_says_where_it_went(run: Path, tmp_path: Path, call: Call) -> None:
    assert f"Exported to {tmp_path / 'new' / '7'}.\n" == call("export", run, tmp_path / "new", "--version", 7).out


def test_how_many_words_is_left_to_the_export(
    run: Path, tmp_path: Path, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a model that knows fewer than ten it is all of them."""
    told: list[int | None] = []
    monkeypatch.setattr("rnnzoo.serving.export_model", lambda *_, top_k, **__: told.append(top_k))
    assert 0 == call("export", run, tmp_path).code
    assert [None] == told


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (["--version", "1"], "which exists"),
        (["--version", "0"], "version must be an integer from 1 to 9223372036854775807"),
        (["--version", "9223372036854775808"], "version must be an integer from 1 to 9223372036854775807"),
        (["--top-k", "0"], "top_k must be"),
        (["--version", "9", "--neural-cache", "--cache-share", "2"], "share must be from 0 to 1"),
    ],
)
def test_bad_exports(options: list[str], line: str, run: Path, export: Path, call: Call) -> None:
    assert call("export", run, export, *options).says_in_one_line(1, line)


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (["--port", "65536"], "port must be between 0 and 65535"),
        (["--workers", "0"], "workers must be a positive number"),
        (["--host", "256.0.0.1"], "256.0.0.1"),
    ],
)
def test_bad_servers(options: list[str], line: str, export: Path, call: Call) -> None:
    assert call("serve", export, *options).says_in_one_line(1, line)


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (["--rest-port", "65536"], "--rest-port: it must be between 0 and 65535, but got 65536."),
        (["--keep-share", "2"], "--keep-share: it must be between 0 and 1, but got 2."),
    ],
)
def test_a_wrong_option_is_named_as_it_is_typed(options: list[str], line: str, export: Path, call: Call) -> None:
    assert call("serve", export, *options).says_in_one_line(2, line)


def test_an_export_that_finds_no_room_is_named(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: Call
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("rnnzoo.serving.export.export_model", full)
    assert call("export", run, tmp_path).says_in_one_line(1, f"{tmp_path}: No space left on device. Make room there")


def test_what_is_not_exported_yet_says_how(run: Path, call: Call) -> None:
    for model in (run, "gru_wikitext2"):
        name = Path(model).name
        command = f"{model} is not exported: rnnzoo export {model} exports/{name} && rnnzoo serve exports/{name}"
        assert call("serve", model).says_in_one_line(1, command)


@pytest.mark.parametrize(
    ("command", "step", "exit_code"),
    [("serve", "server.process.make_server", 0), ("export", "export._save", 143)],
)
def test_sigterm_before_there_is_an_answer_leaves_nothing(
    command: str,
    step: str,
    exit_code: int,
    run: Path,
    export: Path,
    tmp_path: Path,
    call: Call,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(f"rnnzoo.serving.{step}", lambda *_, **__: os.kill(os.getpid(), signal.SIGTERM))
    before = signal.getsignal(signal.SIGTERM)
    assert exit_code == call(command, *([export] if command == "serve" else [run, tmp_path])).code
    assert before == signal.getsignal(signal.SIGTERM)
    assert [] == list(tmp_path.iterdir())


def test_a_folder_without_versions_is_not_served(tmp_path: Path, call: Call) -> None:
    assert call("serve", tmp_path, "--port", 0).says_in_one_line(1, str(tmp_path))


@pytest.mark.parametrize(
    ("options", "settings"),
    [
        ([], {"batching": "own", "prefix_cache_bytes": 64 * 2**20}),
        (["--no-batching", "--no-prefix-cache"], {"batching": "off", "prefix_cache_bytes": 0}),
    ],
)
def test_what_makes_answers_fast_can_be_switched_off(
    options: list[str], settings: dict[str, Any], export: Path, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: dict[str, Any] = {}
    monkeypatch.setattr("rnnzoo.serving.server.process.make_server", lambda *_, **options: given.update(options))
    monkeypatch.setattr("rnnzoo.serving.server.process.run", lambda *_, **__: None)
    assert 0 == call("serve", export, *options).code
    assert settings == {name: given[name] for name in settings}


def test_models_of_a_configuration_file(export: Path, tmp_path: Path, call: Call) -> None:
    file = tmp_path / "models.config"
    file.write_text("model_config_list { config { name: 'cats' base_path: 'cats' } }", encoding="utf-8")
    assert call("serve", "--model-config-file", file).says_in_one_line(
        1, "Expected model cats to have an absolute path"
    )
    file.write_text("model_config_list { models { } }", encoding="utf-8")
    assert call("serve", "--model-config-file", file).says_in_one_line(
        1, "Error parsing text-format tensorflow.serving.ModelServerConfig: 1:21: "
    )
    both = call("serve", export, "--model-config-file", file)
    assert both.says_in_one_line(1, "must be given an export or --model-config-file, one of the two")
    assert call("serve").says_in_one_line(1, "must be given an export or --model-config-file, one of the two")


def test_a_port_that_is_taken(address: str, export: Path, call: Call) -> None:
    assert call("serve", export, "--port", address.rpartition(":")[2]).says_in_one_line(1, "is in use")


def test_suggestions_as_a_table(address: str, call: Call) -> None:
    out = call("predict", "the cat", "--server", address, "--model-name", "cats", "--top-k", 3).out
    rows = [line.split() for line in out.splitlines() if line.strip().endswith("%")]
    assert 3 == len(rows)
    assert ["the", "cat"] == rows[0][:2]
    assert {row[-2] for row in rows} <= {*SENTENCE.split(), "<eos>"}


def test_suggestions_as_json(address: str, call: Call) -> None:
    out = call("predict", "the cat", "", "--server", address, "--model", "cats", "--model-version", 1, "--json").out
    answers = [json.loads(line) for line in out.splitlines()]
    assert ["the cat", ""] == [answer["text"] for answer in answers]
    for answer in answers:
        probabilities = [suggestion["probability"] for suggestion in answer["suggestions"]]
        assert 5 == len(probabilities)
        assert sorted(probabilities, reverse=True) == probabilities


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (["--model", "dogs"], "dogs"),
        (["--model-version", "9"], "9"),
        (["--top-k", "0"], "top_k must be from 1 to 6"),
        (["--top-k", "7"], "top_k must be from 1 to 6"),
        (["--timeout", "0"], "timeout must be a positive number"),
    ],
)
def test_bad_requests(options: list[str], line: str, address: str, call: Call) -> None:
    asked = ["predict", "the", "--server", address, "--model", "cats", *options]
    assert call(*asked).says_in_one_line(1, line)


def test_no_server(call: Call) -> None:
    assert call("predict", "the", "--server", "localhost:1").says_in_one_line(1, "no server answers at localhost:1")


def test_predict_imports_no_tensorflow() -> None:
    code = (
        "import sys, rnnzoo.cli\n"
        "try: rnnzoo.cli.main(['predict', 'the', '--server', 'localhost:1'])\n"
        "except SystemExit: print('tensorflow' in sys.modules)\n"
    )
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "False\n" == process.stdout
    assert 1 == process.stderr.count("\n")


def test_an_export_with_a_neural_cache(run: Path, tmp_path: Path, call: Call) -> None:
    options = ["--top-k", "6", "--neural-cache", "--cache-size", "50", "--cache-share", "0.3"]
    assert f"Exported to {tmp_path / '1'}.\n" == call("export", run, tmp_path, *options).out
    metadata = json.loads((tmp_path / "1" / "assets.extra" / "metadata.json").read_text())
    assert (50, 0.3) == (metadata["neural_cache"]["size"], metadata["neural_cache"]["share"])
