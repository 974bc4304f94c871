"""Every flag of the executable reads in both forms and stands in the page that lists them."""

import re
from pathlib import Path

import pytest

from rnnzoo.serving.server.stock.flags import FLAGS, Flag, WrongFlagError, parse_flags

PAGE = Path(__file__).parents[4] / "serving" / "PROTOCOL.md"
EFFECTS = {"yes": "yes", "accepted": "accepted", "refused": "no", "ours": "better"}


def test_the_defaults_are_tensorflow_servings() -> None:
    flags = parse_flags([])

    assert {flag.name: flag.default for flag in FLAGS} == vars(flags)
    # As the server's documentation has them.
    assert (8500, 0, 30000, "default", 1, 5, 60_000_000, True, False) == (
        flags.port,
        flags.rest_api_port,
        flags.rest_api_timeout_in_ms,
        flags.model_name,
        flags.file_system_poll_wait_seconds,
        flags.max_num_load_retries,
        flags.load_retry_interval_micros,
        flags.enable_model_warmup,
        flags.enable_batching,
    )


@pytest.mark.parametrize("flag", [flag for flag in FLAGS if flag.effect != "refused"], ids=lambda flag: flag.name)
def test_both_forms(flag: Flag) -> None:
    if isinstance(flag.default, bool):
        cases = {
            f"--{flag.name}": True,
            f"--{flag.name}=true": True,
            f"--{flag.name}=0": False,
            f"--{flag.name} false": False,
        }
    else:
        value = {int: 7, float: 0.5, str: "text"}[type(flag.default)]
        cases = {f"--{flag.name}={value}": value, f"--{flag.name} {value}": value}
    for text, expected in cases.items():
        assert expected == getattr(parse_flags(text.split()), flag.name)


def test_a_boolean_does_not_swallow_the_next_flag() -> None:
    flags = parse_flags(["--enable_batching", "--port=9000"])

    assert (True, 9000) == (flags.enable_batching, flags.port)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--prot=1"], r"^unknown argument: --prot=1$"),
        (["--model_base"], r"^unknown argument: --model_base$"),  # no abbreviations
        (["model"], r"^unknown argument: model$"),
        (["--port=x"], r"^argument --port: invalid int value: 'x'$"),
        (["--enable_batching=maybe"], r"^argument --enable_batching: must be true or false, but got 'maybe'$"),
        (["--port"], r"^argument --port: expected one argument$"),
        (["--use_alts_credentials"], r"^--use_alts_credentials cannot be had here \(Google's ALTS\): leave it out\.$"),
        (["--mixed_precision=bfloat16"], r"^--mixed_precision cannot be had here"),
    ],
)
def test_wrong_flags_are_one_line(arguments: list[str], message: str) -> None:
    with pytest.raises(WrongFlagError, match=message):
        parse_flags(arguments)


def test_what_is_refused_may_be_said_at_its_default() -> None:
    assert parse_flags(["--use_alts_credentials=false"]).use_alts_credentials is False


def test_the_page_lists_every_flag_with_what_comes_of_it() -> None:
    rows = dict(re.findall(r"^\| `--(\w+)` \| ([a-z]+)", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE))

    assert {flag.name for flag in FLAGS} == rows.keys()
    for flag in FLAGS:
        # The page may say more: that something is better than there.
        assert rows[flag.name] in (EFFECTS[flag.effect], "better"), flag.name
