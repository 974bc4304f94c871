"""The space that a user asks for."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnzoo.models.architectures import ARCHITECTURES, NETWORKS, NetworkConfig
from rnnzoo.tuning.search.full_space import FULL_SPACE, full_space
from rnnzoo.tuning.search.hyperparameters import SEARCHABLE
from rnnzoo.tuning.search.narrowing import narrowed_space, read_space_file
from rnnzoo.tuning.search.space import DEFAULT_SPACE, Space
from rnnzoo.tuning.training_config import TrainingConfig

LSTM = [NetworkConfig(network="lstm")]
RECIPE = TrainingConfig()


def test_without_a_word_it_is_the_two_that_decide() -> None:
    assert DEFAULT_SPACE == narrowed_space(LSTM, RECIPE)


def test_ranges_alone_are_the_whole_space_and_fixes_narrow_the_base() -> None:
    assert ("units=8:16",) == narrowed_space(LSTM, RECIPE, ranges=["units=8:16"])
    assert (*DEFAULT_SPACE, "units=8") == narrowed_space(LSTM, RECIPE, fixes=["units=8"])
    full = dict(
        text.split("=", 1) for text in narrowed_space(LSTM, RECIPE, "full", ["units=8:16"], ["schedule=constant"])
    )
    assert ("8:16", "constant", True, False) == (
        full["units"],
        full["schedule"],
        "dropout" in full,
        "warmup" in full,
    )


def test_an_option_holds_in_every_trial() -> None:
    rate, clipnorm = DEFAULT_SPACE
    assert (clipnorm,) == narrowed_space(LSTM, replace(RECIPE, learning_rate=1.0), held=["learning_rate"])
    assert (rate,) == narrowed_space(LSTM, RECIPE, held=["global_clipnorm"])
    full = full_space(LSTM, RECIPE)
    for held, kept in {
        "units": {"units"},
        "clipvalue": {"clipping", "clipnorm", "clipvalue", "global_clipnorm"},
        "schedule": {"schedule"},
    }.items():
        space = {text.partition("=")[0] for text in narrowed_space(LSTM, RECIPE, "full", held=[held])}
        assert set(full) - kept == space


@pytest.mark.parametrize(
    ("held", "given"), [("units", "units=8"), ("global_clipnorm", "clipnorm=1"), ("clipnorm", "clipping=none")]
)
def test_an_option_needs_no_fix_beside(held: str, given: str) -> None:
    with pytest.raises(ValueError, match=rf"needs no --range or --fix, but got --{held.replace('_', '-')} and"):
        narrowed_space(LSTM, RECIPE, fixes=[given], held=[held])


def test_a_fixed_way_to_clip_leaves_no_other_threshold() -> None:
    full = full_space(LSTM, RECIPE, {"clipping": "clipnorm"})
    assert {"clipping", "clipnorm"} == {name for name in full if name.startswith(("clip", "global"))}
    none = full_space(LSTM, RECIPE, {"clipping": "none"})
    assert {"clipping"} == {name for name in none if name.startswith(("clip", "global"))}


@pytest.mark.parametrize("network", NETWORKS)
def test_the_full_space_holds_what_means_something_to_a_network(network: str) -> None:
    space = full_space([NetworkConfig(network=network)], RECIPE)
    own = ARCHITECTURES[network].takes
    others = frozenset().union(*(row.takes for row in ARCHITECTURES.values())) - own
    assert own <= set(space)
    assert not others & set(space)


def test_all_of_the_full_space_can_be_searched() -> None:
    assert set(FULL_SPACE) <= set(SEARCHABLE)


@given(values=st.randoms(use_true_random=False), networks=st.lists(st.sampled_from(NETWORKS), min_size=1, unique=True))
@settings(max_examples=40)
def test_whatever_is_drawn_from_the_full_space_can_be_built(values: object, networks: list[str]) -> None:
    import keras_tuner

    configs = [NetworkConfig(network=name) for name in networks]
    space = Space(configs, RECIPE, narrowed_space(configs, RECIPE, "full"))
    hp = keras_tuner.HyperParameters()
    space.declare(hp)
    drawn = keras_tuner.HyperParameters()
    for one in hp.space:
        drawn.merge([one])
        if drawn.is_active(one):
            drawn.values[one.name] = one.prob_to_value(values.random())  # type: ignore[attr-defined]
    network, training = space.declare(drawn)
    assert len(training.clipping) <= 1
    way = drawn.values["clipping"]
    assert training.clipping == ({} if way == "none" else {way: drawn.values[way]})
    assert ("warmup" in drawn.values) == (training.schedule in ("warmup", "cosine"))
    assert ("recurrent_scale" in drawn.values) == (network.recurrent_initializer == "identity")
    assert ("skip" in drawn.values) == (network.network == "skip_rnn")


def test_a_small_file(tmp_path: Path) -> None:
    path = tmp_path / "space.toml"
    path.write_text(
        'learning_rate = "1e-5:1e2:log"\nunits = [64, 128]\nnormalization = ["none", "layer"]\n'
        'optimizer = "adam"\nlayers = 2\ndropout = 0.5\n'
    )
    expected = ("learning_rate=1e-5:1e2:log", "units=64,128", "normalization=none,layer", "optimizer=adam")
    assert (*expected, "layers=2", "dropout=0.5") == narrowed_space(LSTM, RECIPE, str(path))
    assert "units=8" in narrowed_space(LSTM, RECIPE, str(path), fixes=["units=8"])
    Space(LSTM, RECIPE, narrowed_space(LSTM, RECIPE, str(path)))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "a space must vary something, but .*space.toml says nothing"),
        (b"units = ", "a space file must be TOML, but .*space.toml is not"),
        (b"\xff", "a space file must be TOML"),
        (b"units = []", r"units must be a text, a number, true, false or a list of these, but .* says \[\]"),
        (b"[units]\nlow = 1", "units must be a text"),
        (b"units = [[1]]", "units must be a text"),
    ],
)
def test_a_file_that_is_no_space(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "space.toml"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message):
        read_space_file(path)


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="a space must be 'full' or a TOML file, but there is no file"):
        narrowed_space(LSTM, RECIPE, str(tmp_path / "none.toml"))


@pytest.mark.parametrize(
    ("ranges", "fixes", "message"),
    [
        (["units"], [], "a range must be written name=low:high, .* but got 'units'"),
        ([], ["units="], "but got 'units='"),
        ([], ["units=8,16"], "a fixed value must be one value, name=value, but got 'units=8,16'"),
        ([], ["units=8:16"], "a fixed value must be one value"),
        (["units=8:16"], ["units=8"], "must be given once, but got units again in units=8"),
    ],
)
def test_mistakes_get_one_clear_line(ranges: list[str], fixes: list[str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        narrowed_space(LSTM, RECIPE, ranges=ranges, fixes=fixes)
