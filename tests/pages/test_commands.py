"""Every command of every page is one that the command line takes, with options and values that it takes."""

import json
import re
import shlex
import shutil
import subprocess
from collections.abc import Callable, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import typer
from pages.blocks import NOTEBOOKS, PAGES, ROOT, Block, blocks_of, text_of
from pages.shell import calls_of

from rnnzoo.cli import app
from rnnzoo.commands.asked_search import asked_search
from rnnzoo.commands.recipe import network_options, training_config
from rnnzoo.commands.train import train
from rnnzoo.commands.tune import tune
from rnnzoo.models.architectures import NetworkConfig
from rnnzoo.serving.server.rest.urls import question_of
from rnnzoo.serving.server.stock.flags import parse_flags
from rnnzoo.tuning.search.space import Space

COMMANDS: Mapping[str, Any] = typer.main.get_group(app).commands
CONFIGURED: Mapping[str, Any] = {"train": train, "tune": tune}
BLOCKS = [
    one
    for page in (*PAGES, *NOTEBOOKS)
    for one in blocks_of(page)
    if one.language in ("sh", "bash", "shell", "console")
]


def check_rnnzoo(arguments: list[str]) -> None:
    """As the command line would, up to the work itself."""
    name, *rest = arguments
    given = COMMANDS[name].make_context(name, rest).params
    if name in CONFIGURED:
        code = CONFIGURED[name].__code__
        own = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
        options = {option: value for option, value in given.items() if option not in own}
        training_config(options, given["corpus_options"])
        if name == "train" and given["network"] is not None:
            NetworkConfig(network=given["network"], **network_options(options))
        if name == "tune" and not given["resume"] and given["space"] in (None, "full"):
            space = {what: given[what] or () for what in ("ranges", "fixes")}
            asked = asked_search(given["network"], options, given["corpus_options"], space=given["space"], **space)
            Space(asked.networks, asked.training, asked.space)


def check_make(arguments: list[str]) -> None:
    subprocess.run([str(shutil.which("make")), "--dry-run", *arguments], cwd=ROOT, check=True, capture_output=True)


def check_curl(arguments: list[str]) -> None:
    """One that asks a model through the REST API, with a body that is JSON."""
    url = urlsplit(f"http://{arguments[-1].removeprefix('http://')}")
    if "-d" in arguments:
        json.loads(arguments[arguments.index("-d") + 1])
    question_of("POST" if "-d" in arguments else "GET", url.path)


def check_files(arguments: list[str]) -> None:
    for argument in arguments:
        assert "/" not in argument or argument.startswith("-") or (ROOT / argument).exists(), argument


def check_kubectl(arguments: list[str]) -> None:
    """One that reads its objects from files of ours; what else it names is of the cluster, or made before."""
    for option, file in pairwise(arguments):
        assert option != "-f" or (ROOT / file).is_file(), file


CHECKS: Mapping[str, Callable[[list[str]], Any]] = {
    "rnnzoo": check_rnnzoo,
    "rnnzoo-model-server": parse_flags,
    "make": check_make,
    "curl": check_curl,
    "kubectl": check_kubectl,
}


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.name)
def test_commands_in_blocks(block: Block, tmp_path: Path) -> None:
    for command, *arguments in calls_of(block.code, tmp_path):
        CHECKS.get(command, check_files)(arguments)


def inline_code(page: Path) -> list[str]:
    """What stands between backticks, outside of blocks, with breaks of lines taken out."""
    text = re.sub(r"^ *```.*?^ *```$", "", text_of(page), flags=re.MULTILINE | re.DOTALL)
    return [" ".join(code.split()) for code in re.findall(r"`([^`]+)`", text)]


@pytest.mark.parametrize("page", [*PAGES, *NOTEBOOKS], ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_and_options_in_sentences(page: Path) -> None:
    """Sentences leave things out ("…", RUN): what they name exists."""
    everywhere = {"-h", "--help"} | {option for name in COMMANDS for option in options_of(name)}
    for code in inline_code(page):
        words = code.replace("\\|", "|").split()
        if words[0] == "make" and len(words) == 2:
            check_make(words[1:])
        if words[0] == "rnnzoo" and len(words) > 1 and words[1] != "COMMAND":
            assert words[1] in COMMANDS, code
            assert {word for word in words if word.startswith("--")} <= {*options_of(words[1]), "--help"}, code
        if words[0].startswith("--") and page.name == "README.md" and page.parent.name != "deploy":
            assert words[0].split("=")[0] in everywhere | MODEL_SERVER, code


def options_of(command: str) -> set[str]:
    return {option for parameter in COMMANDS[command].params for option in (*parameter.opts, *parameter.secondary_opts)}


MODEL_SERVER = set(re.findall(r"`(--\w+)`", (ROOT / "serving" / "PROTOCOL.md").read_text(encoding="utf-8")))


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_examples_of_the_help(name: str) -> None:
    callback = COMMANDS[name].callback
    examples = re.findall(r"^ +(rnnzoo .+)$", (callback and callback.__doc__) or "", flags=re.MULTILINE)
    assert examples or name == "list"
    for example in examples:
        check_rnnzoo(shlex.split(example)[1:])


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("rnnzoo train gru --tea 1", "No such option: --tea"),
        ("rnnzoo train gru --units many", "integer"),
        ("rnnzoo train gru --skip 3", "skip is an option of skip_rnn"),
        ("rnnzoo train gru --optimizer magic", "optimizer must be one of"),
        ("rnnzoo tune gru --range learning_rate=1:0", "learning_rate"),
        ("rnnzoo-model-server --tea=1", "--tea=1"),
        ("make tea", "'tea'"),
        ("curl localhost:8501/v1/tea:predict", "Malformed request"),
        ("teapot", "teapot: command not found"),
    ],
)
def test_a_command_that_is_wrong_is_found(code: str, error: str, tmp_path: Path) -> None:
    def check() -> None:
        for command, *arguments in calls_of(code, tmp_path):
            CHECKS[command](arguments)

    with pytest.raises(Exception, match=error):
        check()


def test_a_block_is_read_as_a_shell_reads_it(tmp_path: Path) -> None:
    code = 'for name in a b; do\n    rnnzoo train $name \\\n        --output "runs/my $name"  # said\ndone\n'
    expected = [["rnnzoo", "train", name, "--output", f"runs/my {name}"] for name in "ab"]
    assert expected == calls_of(code, tmp_path)
