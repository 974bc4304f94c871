"""The trained networks that come with the package, and any model in a folder of their layout."""

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest
import tensorflow as tf

from rnnzoo.models import NETWORKS, PRESETS, LanguageModel, NetworkConfig, Vocabulary
from rnnzoo.models.presets import find_preset

MEGABYTE = 1e6
SMALL = "irnn_wikitext2"
FILES = {"card.json", "config.json", "curves.png", "metadata.json", "model.weights.npz", "README.md", "tokenizer.json"}


@pytest.fixture(scope="module")
def small() -> LanguageModel:
    return LanguageModel.from_preset(SMALL)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return Path(shutil.copytree(PRESETS[SMALL].folder, tmp_path / "copy"))


def test_the_presets_are_listed_where_kerashub_lists_them() -> None:
    assert LanguageModel.presets is PRESETS


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_is_whole_small_and_of_its_network(name: str) -> None:
    preset = PRESETS[name]
    assert {file.name for file in preset.folder.iterdir()} == FILES
    assert sum(file.stat().st_size for file in preset.folder.iterdir()) < (16 if "large" in name else 8) * MEGABYTE
    sums = json.loads((preset.folder / "metadata.json").read_text())["sha256"]
    for file, checksum in sums.items():
        assert hashlib.sha256((preset.folder / file).read_bytes()).hexdigest() == checksum
    network = preset.card["network"]
    assert preset.network == network["network"]
    assert preset.about.startswith(f"{['one layer', 'two layers'][network['layers'] - 1]} of {network['units']} units")
    assert preset.card["test"]["perplexity"] < 1.005 * preset.card["before_packing"]["test"]["perplexity"]
    assert f"{preset.card['test']['perplexity']:.1f}" in (preset.folder / "README.md").read_text()


def test_all_presets_together_stay_small() -> None:
    assert sum(file.stat().st_size for preset in PRESETS.values() for file in preset.folder.iterdir()) < 90 * MEGABYTE


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_answers(name: str) -> None:
    card = PRESETS[name].card
    model = LanguageModel.from_preset(name)
    assert model.count_params() == card["parameters"]
    asked = card["asked"][0]
    suggestions = model.predict_next(asked["text"])[0]
    assert asked["words"] == [suggestion.word for suggestion in suggestions]
    np.testing.assert_allclose(
        [suggestion.probability for suggestion in suggestions], asked["probabilities"], atol=1e-3
    )


def test_a_preset_is_a_keras_model(small: LanguageModel, tmp_path: Path) -> None:
    small.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    ids = tf.constant([small.vocabulary.encode("the capital of")])
    np.testing.assert_array_equal(small(ids), loaded(ids))


def test_its_layers_go_into_a_model_of_ones_own(small: LanguageModel) -> None:
    inputs = keras.Input((None,), dtype="int32")
    hidden = small.recurrent_layers[0](small.embedding(inputs))
    while isinstance(hidden, list | tuple):
        hidden = hidden[0]
    model = keras.Model(inputs, keras.layers.Dense(2)(hidden[:, -1]))
    assert model(tf.constant([small.vocabulary.encode("the capital of")])).shape == (1, 2)


def test_packing_a_model_keeps_what_it_says(tmp_path: Path) -> None:
    vocabulary = Vocabulary(["<unk>", "<eos>", *(f"w{number}" for number in range(2_000))])
    for network in NETWORKS:
        model = LanguageModel(vocabulary, NetworkConfig(network=network, units=16, layers=2, normalization="layer"))
        model.save_to_preset(tmp_path, packed=True)
        packed = LanguageModel.from_preset(tmp_path)
        ids = tf.constant([[2, 3, 4, 5]])
        np.testing.assert_allclose(tf.nn.softmax(model(ids)), tf.nn.softmax(packed(ids)), rtol=0.02)


def test_a_folder_holds_one_kind_of_weights(tmp_path: Path) -> None:
    model = LanguageModel(Vocabulary(["<unk>", "<eos>", "a"]), NetworkConfig(network="gru", units=4))
    for packed, kept in ((False, "h5"), (True, "npz"), (False, "h5")):
        model.save_to_preset(tmp_path, packed=packed)
        assert [f"model.weights.{kept}"] == [file.name for file in tmp_path.glob("model.weights.*")]
        sums = json.loads((tmp_path / "metadata.json").read_text())["sha256"]
        assert {"config.json", "tokenizer.json", f"model.weights.{kept}"} == set(sums)
        LanguageModel.from_preset(tmp_path)


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    model = LanguageModel(Vocabulary(["<unk>", "<eos>", "a"]), NetworkConfig(network="gru", units=4))
    model.save_to_preset(tmp_path / "saved")
    return tmp_path / "saved"


def test_numbers_that_were_overwritten_are_found(saved: Path) -> None:
    path = saved / "model.weights.h5"
    with h5py.File(path, "r+") as file:
        names: list[str] = []
        file.visititems(lambda name, item: names.append(name) if isinstance(item, h5py.Dataset) else None)
        largest = max((file[name] for name in names), key=lambda item: item.size)
        largest[: len(largest) // 2] = 3.0
    with pytest.raises(ValueError, match=r"model\.weights\.h5 must have the checksum .* but is damaged"):
        LanguageModel.from_preset(saved)
    (saved / "metadata.json").write_text('{"format": 1}')  # as older versions wrote it
    LanguageModel.from_preset(saved)


def test_weights_that_find_no_room_leave_the_ones_before(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = LanguageModel.from_preset(saved)

    def full(descriptor: int) -> None:
        if os.fstat(descriptor).st_size > 4_000:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left on device") as raised:
        model.save_to_preset(saved)
    assert str(saved / "model.weights.h5") == raised.value.filename
    assert [] == list(saved.glob(".*"))
    LanguageModel.from_preset(saved)


def test_a_save_that_fails_leaves_the_model_before(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = {path.name: path.read_bytes() for path in saved.iterdir()}
    other = LanguageModel(Vocabulary(["<unk>", "<eos>", "b"]), NetworkConfig(network="gru", units=4))

    def interrupt(self: LanguageModel) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(LanguageModel, "count_params", interrupt)
    with pytest.raises(KeyboardInterrupt):
        other.save_to_preset(saved)
    assert before == {path.name: path.read_bytes() for path in saved.iterdir()}


def test_two_that_save_at_once_do_not_write_into_each_others_files(
    saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = (LanguageModel.from_preset(saved) for _ in range(2))
    first.set_weights([np.full_like(weight, 0.5) for weight in first.get_weights()])
    count = LanguageModel.count_params

    def save_in_between(model: LanguageModel) -> int:
        if model is first:
            second.save_to_preset(saved)
        return count(model)

    monkeypatch.setattr(LanguageModel, "count_params", save_in_between)
    first.save_to_preset(saved)
    for weight in LanguageModel.from_preset(saved).get_weights():
        np.testing.assert_array_equal(weight, 0.5)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("moved", range(1, 4))
def test_a_death_among_the_moves_leaves_no_mixture(
    moved: int, packed: bool, saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = LanguageModel(Vocabulary(["<unk>", "<eos>", "b"]), NetworkConfig(network="gru", units=4))
    replace, moves = os.replace, iter(range(moved))

    def die_after(source: Path, target: Path) -> None:
        if next(moves, None) is None:
            raise KeyboardInterrupt
        replace(source, target)

    monkeypatch.setattr(os, "replace", die_after)
    with pytest.raises(KeyboardInterrupt):
        other.save_to_preset(saved, packed=packed)
    with pytest.raises((ValueError, FileNotFoundError), match=r"saving was cut short|must hold model\.weights\.npz"):
        LanguageModel.from_preset(saved)


def test_of_two_kinds_of_weights_the_ones_with_a_checksum_are_read(saved: Path) -> None:
    old = (saved / "model.weights.h5").read_bytes()
    model = LanguageModel.from_preset(saved)
    model.set_weights([np.full_like(weight, 0.5) for weight in model.get_weights()])
    model.save_to_preset(saved, packed=True)
    (saved / "model.weights.h5").write_bytes(old)
    for weight in LanguageModel.from_preset(saved).get_weights():
        np.testing.assert_array_equal(weight, 0.5)


def test_weights_of_another_network_are_refused_with_a_whole_sentence(saved: Path) -> None:
    config = json.loads((saved / "config.json").read_text())
    config["config"]["network"] = "lstm"
    (saved / "config.json").write_text(json.dumps(config))
    _metadata(saved, sha256={})
    with pytest.raises(ValueError, match=r"but is damaged or of another one: A total of \d+ objects .*loaded\.$"):
        LanguageModel.from_preset(saved)


def test_a_folder_is_meant_before_a_name(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copy.rename(copy.parent / "gru_wikitext2")
    monkeypatch.chdir(copy.parent)
    assert Path("gru_wikitext2") == find_preset("gru_wikitext2")
    assert LanguageModel.from_preset("gru_wikitext2").config.network == PRESETS[SMALL].network


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("lstm-large-wikitext2", "Did you mean lstm_large_wikitext2"),
        ("large", "Did you mean lstm_large_wikitext2"),
        ("bert", "The package's are .*lstm_large_wikitext2"),
    ],
)
def test_an_unknown_name_suggests_the_near_ones(name: str, hint: str) -> None:
    with pytest.raises((FileNotFoundError, ValueError), match=hint):
        LanguageModel.from_preset(name)


def _flip(folder: Path) -> None:
    path = folder / "model.weights.npz"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def _metadata(folder: Path, **changes: Any) -> None:
    path = folder / "metadata.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def _fewer_words(folder: Path) -> None:
    vocabulary = Vocabulary.load(folder / "tokenizer.json")
    Vocabulary(vocabulary.words[:-1], vocabulary.rule).save(folder / "tokenizer.json")
    _metadata(folder, sha256={})


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (_flip, r"model\.weights\.npz must have the checksum [0-9a-f]{16}… of its metadata\.json \(SHA-256\)"),
        (
            lambda folder: _metadata(folder, format=2),
            "of format 1 at most, but .* is of format 2.* a newer rnnzoo reads",
        ),
        (_fewer_words, r"embedding/embeddings must have the shape \(33277, 200\), but the file has \(33278, 200\)"),
        (lambda folder: (folder / "model.weights.npz").unlink(), r"must hold model\.weights\.npz, but .* does not"),
        (lambda folder: (folder / "tokenizer.json").unlink(), r"has no tokenizer\.json"),
        (lambda folder: (folder / "metadata.json").write_text("{"), r"metadata\.json must be JSON"),
    ],
)
def test_what_is_damaged_is_named(damage: Callable[[Path], object], message: str, copy: Path) -> None:
    damage(copy)
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        LanguageModel.from_preset(copy)
