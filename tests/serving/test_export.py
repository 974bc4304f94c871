"""An export is a new version, whole, and needs nothing of ours."""

import json
import stat
import subprocess
import sys
from pathlib import Path

import keras
import pytest
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from rnnzoo.models import LanguageModel, Vocabulary
from rnnzoo.serving import export
from rnnzoo.serving.export import export_model


def test_nothing_but_core_operations(exported: Path) -> None:
    (meta_graph,) = saved_model_pb2.SavedModel.FromString((exported / "1" / "saved_model.pb").read_bytes()).meta_graphs
    functions = meta_graph.graph_def.library.function
    nodes = [*meta_graph.graph_def.node, *(node for function in functions for node in function.node_def)]

    foreign = {node.op for node in nodes if any(part in node.op for part in ("Cudnn", "Xla", "PyFunc", "Text>"))}
    assert set() == foreign
    compiled = [function for function in functions if function.attr["_XlaMustCompile"].b]
    assert [] == compiled
    assert not any("GPU" in node.device for node in nodes)


def test_it_loads_and_runs_where_rnnzoo_is_not_installed(exported: Path) -> None:
    folder = str(exported / "1")
    code = f"""
import sys
sys.modules["rnnzoo"] = sys.modules["keras"] = None
import tensorflow as tf
print(tf.saved_model.load({folder!r}).signatures["serving_default"](text=tf.constant(["the game"]))["words"].shape)
from tensorflow.python.tools.saved_model_cli import main
command = ["run", "--dir", {folder!r}, "--tag_set", "serve", "--signature_def", "generate"]
sys.argv = ["saved_model_cli", *command, "--input_exprs", "text=['the game']"]
main()
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert ran.stdout.startswith("(1, 10)\n")
    assert "Result for output key continuation:" in ran.stdout


def test_every_variable_is_written_once_and_the_word_vectors_by_columns_too(
    exported: Path, language_model: LanguageModel
) -> None:
    written = tf.train.list_variables(str(exported / "1" / "variables" / "variables"))
    shapes = sorted(tuple(shape) for name, shape in written if name.endswith("VARIABLE_VALUE"))
    words, size = language_model.embedding.embeddings.shape
    assert sorted([*(tuple(variable.shape) for variable in language_model.variables), (size, words)]) == shapes


def test_it_is_a_layer_in_keras(exported: Path, language_model: LanguageModel) -> None:
    texts = keras.Input((), dtype="string")
    layer = keras.layers.TFSMLayer(exported / "1", call_endpoint="serving_default")
    answer = keras.Model(texts, layer(texts))(tf.constant(["the game"]))
    (suggestions,) = language_model.predict_next("the game", top_k=10)
    assert [suggestion.word for suggestion in suggestions] == [word.decode() for word in answer["words"][0].numpy()]


@pytest.fixture
def save_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Exports take their place without a graph, which takes seconds."""
    monkeypatch.setattr(export, "_save", lambda *_: None)


@pytest.mark.usefixtures("save_nothing")
def test_a_file_is_no_place_for_an_export(language_model: LanguageModel, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(FileExistsError, match=r"an export needs a folder, but .*file is a file\."):
        export_model(language_model, tmp_path / "file")


@pytest.mark.usefixtures("save_nothing")
def test_versions_count_up_and_are_never_overwritten(language_model: LanguageModel, tmp_path: Path) -> None:
    assert tmp_path / "new" / "1" == export_model(language_model, tmp_path / "new")
    (tmp_path / "new" / "00000041").mkdir()
    (tmp_path / "new" / "1" / "mine").touch()

    assert tmp_path / "new" / "42" == export_model(language_model, tmp_path / "new")
    for version, name in ((1, "1"), (41, "00000041")):
        with pytest.raises(
            FileExistsError, match=rf"an export must be a new version, but got .*/{name}, which exists."
        ):
            export_model(language_model, tmp_path / "new", version=version)

    assert (tmp_path / "new" / "1" / "mine").exists()
    assert {"1", "00000041", "42"} == {child.name for child in (tmp_path / "new").iterdir()}
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == stat.S_IMODE((tmp_path / "new" / "42").stat().st_mode)


@pytest.mark.usefixtures("save_nothing")
def test_of_two_exports_of_a_version_the_first_stays(
    language_model: LanguageModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save = Vocabulary.save

    def another(self: Vocabulary, path: Path) -> None:
        monkeypatch.setattr(Vocabulary, "save", save)
        save(self, path)
        export_model(language_model, tmp_path, version=1)

    monkeypatch.setattr(Vocabulary, "save", another)
    with pytest.raises(FileExistsError, match=r"an export must be a new version, but got .*1, which exists."):
        export_model(language_model, tmp_path, version=1)

    assert [tmp_path / "1"] == list(tmp_path.iterdir())


@pytest.mark.usefixtures("save_nothing")
def test_a_preset_exports_and_leaves_its_vocabulary(language_model: LanguageModel, tmp_path: Path) -> None:
    language_model.save_to_preset(tmp_path / "preset")

    exported = export_model(tmp_path / "preset", tmp_path / "exports", version=7, top_k=3)

    assert tmp_path / "exports" / "7" == exported
    assert language_model.vocabulary == Vocabulary.load(exported / "assets.extra" / "tokenizer.json")
    metadata = json.loads((exported / "assets.extra" / "metadata.json").read_text(encoding="utf-8"))
    assert (language_model.config.as_dict(), 3) == (metadata["network"], metadata["top_k"])


def test_mistakes(language_model: LanguageModel, tmp_path: Path) -> None:
    for version in (0, -1, True, "3", 2**63):
        with pytest.raises(ValueError, match=rf"version must be an integer from 1 to {2**63 - 1}, but got version="):
            export_model(language_model, tmp_path, version=version)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"top_k must be from 1 to 13, the words of the vocabulary, but got top_k=14."):
        export_model(language_model, tmp_path, top_k=14)
    with pytest.raises(FileNotFoundError, match=r"missing is neither"):
        export_model(tmp_path / "missing", tmp_path)
    assert [] == list(tmp_path.iterdir())


@pytest.mark.usefixtures("save_nothing")
def test_a_failed_export_leaves_nothing(
    language_model: LanguageModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(Vocabulary, "save", full)
    with pytest.raises(OSError, match=r"no space left"):
        export_model(language_model, tmp_path)

    assert [] == list(tmp_path.iterdir())
