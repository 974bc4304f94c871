"""Hyperparameters as users write them."""

import keras_tuner
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnzoo.tuning.search.hyperparameters import SEARCHABLE, Choice, Range, parse_hyperparameters


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("learning_rate=1e-5:1e2:log", Range(name="learning_rate", low=1e-5, high=100.0, log=True)),
        (" dropout = 0.1 : 0.5 ", Range(name="dropout", low=0.1, high=0.5)),
        ("dropout=0:0.5:linear:0.25", Range(name="dropout", low=0.0, high=0.5, step=0.25)),
        ("units=64:256:64", Range(name="units", low=64, high=256, step=64, integer=True)),
        ("window=8:128:log:2", Range(name="window", low=8, high=128, step=2, log=True, integer=True)),
        ("layers=2:2", Range(name="layers", low=2, high=2, integer=True)),
        ("units=64,128", Choice(name="units", values=(64, 128))),
        ("dropout=0,0.5", Choice(name="dropout", values=(0.0, 0.5))),
        ("optimizer=sgd", Choice(name="optimizer", values=("sgd",))),
        ("normalization=none,layer", Choice(name="normalization", values=(None, "layer"))),
        ("clipnorm=none,0.25", Choice(name="clipnorm", values=(None, 0.25))),
        ("dilated=true,false", Choice(name="dilated", values=(True, False))),
    ],
)
def test_what_users_write(text: str, expected: Range | Choice) -> None:
    assert {expected.name: expected} == parse_hyperparameters([text])


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["units"], "must be written name=low:high, .* but got 'units'"),
        (["units="], "but got 'units='"),
        (["=3"], "but got '=3'"),
        ([""], "but got ''"),
        (["unit=3"], r"must be one of batch_size, budget, .* but got 'unit'\."),
        (["network=lstm"], "must be one of .* but got 'network'"),
        (["epochs=1:9"], "must be one of .* but got 'epochs'"),
        (["from_preset=one,other"], "must be one of .* but got 'from_preset'"),
        (["units=256:64"], "must run from low to high, but got units=256:64"),
        (["units=a"], "units must be an integer, but got units=a"),
        (["units=1.5"], "units must be an integer, but got units=1.5"),
        (["units=64:"], "units must be an integer, but got units=64:"),
        (["dropout=nan"], "dropout must be a finite number, but got dropout=nan"),
        (["learning_rate=1:inf"], "learning_rate must be a finite number"),
        (["learning_rate=0:1:log"], "log scale must begin above 0, but got learning_rate=0:1:log"),
        (["units=8:64:log:1"], "a step must be above 0, and above 1 on a log scale"),
        (["units=8:64:0"], "a step must be above 0"),
        (["units=8:64:log:2:3"], "must be written low:high, low:high:log or low:high:log:step"),
        (["units=8:64:exp"], "units must be an integer, but got units=8:64:exp"),
        (["dropout=0.1,,0.2"], "dropout must be|choices must not be empty"),
        (["dropout=0.1,0.10"], "choices must differ, but got dropout=0.1,0.10"),
        (["dropout=none"], "dropout must be a finite number, but got dropout=none"),
        (["dilated=yes"], "dilated must be true or false, but got dilated=yes"),
        (["units=1:2", "units=3"], "must be given once, but got units again in units=3"),
        (["clipnorm=1", "clipvalue=1:2"], "clipped in one way at most, but got clipnorm and clipvalue"),
    ],
)
def test_mistakes_get_one_clear_line(texts: list[str], message: str) -> None:
    with pytest.raises(ValueError, match=message) as raised:
        parse_hyperparameters(texts)
    assert "\n" not in str(raised.value)


@given(name=st.sampled_from(sorted(SEARCHABLE)), written=st.text(max_size=12))
def test_any_text_is_parsed_or_refused_by_name(name: str, written: str) -> None:
    try:
        names = list(parse_hyperparameters([f"{name}={written}"]))
    except ValueError as error:
        names = [name] if name in str(error) else []
    assert [name] == names


@given(low=st.integers(1, 500), width=st.integers(0, 500), log=st.booleans(), probability=st.floats(0, 0.999))
def test_keras_tuner_draws_from_the_range_that_was_written(low: int, width: int, log: bool, probability: float) -> None:
    (parsed,) = parse_hyperparameters([f"units={low}:{low + width}{':log' if log else ''}"]).values()
    hp = keras_tuner.HyperParameters()
    parsed.declare(hp)
    drawn = hp.space[0].prob_to_value(probability)
    assert isinstance(drawn, int)
    assert low <= drawn <= low + width


def test_keras_tuner_gets_choices_that_it_can_keep() -> None:
    (choice,) = parse_hyperparameters(["clipnorm=none,0.25"]).values()
    hp = keras_tuner.HyperParameters()
    assert choice.declare(hp) is None
    hp = keras_tuner.HyperParameters.from_config(hp.get_config())
    hp.values["clipnorm"] = "0.25"
    assert 0.25 == choice.declare(hp)


def test_a_single_value_is_nothing_to_search() -> None:
    (choice,) = parse_hyperparameters(["units=64"]).values()
    hp = keras_tuner.HyperParameters()
    assert 64 == choice.declare(hp)
    assert [] == hp.space
