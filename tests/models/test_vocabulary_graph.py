"""Inside a graph, a vocabulary says exactly what it says in Python."""

from collections.abc import Callable
from pathlib import Path

import keras
import pytest
import tensorflow as tf
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rnnzoo.models.vocabulary import RULES, Vocabulary
from rnnzoo.models.vocabulary_graph import VocabularyGraph

WORDS = ("<unk>", "<eos>", ",", "don", "'t", "real", "@-@", "U.S.", "naïve", "game's", "\ufeff")
VOCABULARIES = [Vocabulary(WORDS, rule) for rule in RULES]
GRAPHS = [VocabularyGraph(vocabulary) for vocabulary in VOCABULARIES]

# Text that hits the patterns' edges far more often than characters drawn evenly would.
LETTERS = [
    "a",
    "don",
    "é",
    "e\u0301",
    "1",
    "23",
    "_",
    "हिन्दी",
    "漢字",
    "\u200b",
    "\u00ad",
    "\ufeff",
    "\ufffd",
    "\U0010ffff",
]
MARKS = [".", ",", "-", "'", "’", "@", "...", "\\", "\\1", "[", "]", "^", "。", "\U0001f600"]
SEPARATORS = [" ", "\n", "\x00", "\x1f", "\x7f", "\x85", "\u00a0", "\u2028", "\u3000"]
PIECES = st.sampled_from([*LETTERS, *MARKS, *SEPARATORS, "@-@", "<unk>", "<eos>", "U.S."])
TEXTS = st.lists(PIECES).map("".join) | st.text()


@pytest.mark.parametrize("number", [0, 1], ids=RULES)
@settings(max_examples=400)
@given(texts=st.lists(TEXTS, min_size=1, max_size=8))
@example(texts=["", "don't real-time 1,2,3 game's", "\ufeff U.S., naïve"])
@example(texts=["".join(map(chr, range(0x3100)))])
@example(texts=["a".join(map(chr, [*range(0xD800), *range(0xE000, 0x11000)]))])
def test_graph_agrees_with_python(number: int, texts: list[str]) -> None:
    vocabulary, graph = VOCABULARIES[number], GRAPHS[number]
    batch = tf.constant(texts)

    split = [[word.decode() for word in words] for words in graph.split(batch).to_list()]

    assert [vocabulary.split(text) for text in texts] == split
    assert [vocabulary.encode(text) for text in texts] == graph.encode(batch).to_list()


@given(rows=st.lists(st.lists(st.integers(0, len(WORDS) - 1), max_size=8), min_size=1, max_size=4))
@settings(max_examples=50)
@pytest.mark.parametrize("rule", RULES)
def test_graph_decodes_as_python(rule: str, rows: list[list[int]]) -> None:
    vocabulary, graph = VOCABULARIES[RULES.index(rule)], GRAPHS[RULES.index(rule)]
    texts = graph.decode(tf.ragged.constant(rows, dtype=tf.int32, ragged_rank=1)).numpy()
    assert [vocabulary.decode(row) for row in rows] == [text.decode() for text in texts]


def test_broken_bytes_are_an_unknown_word() -> None:
    ids = GRAPHS[0].encode(tf.constant([b"don \xff don", b"\xed\xa0\x80 don"])).to_list()

    assert ids[0] == [3, 0, 3]
    assert ids[1][0] == 0
    assert ids[1][-1] == 3


def test_types_and_shapes() -> None:
    ids = GRAPHS[1].encode(tf.constant(["don , real", ""]))
    words = GRAPHS[1].words(tf.constant([[3, 0], [1, 5]]))

    assert ids.dtype == tf.int32
    assert [[3, 2, 5], []] == ids.to_list()
    assert [[b"don", b"<unk>"], [b"<eos>", b"real"]] == words.numpy().tolist()


def test_ids_outside_the_vocabulary_are_refused() -> None:
    with tf.device("CPU"), pytest.raises(tf.errors.InvalidArgumentError):
        GRAPHS[0].words(tf.constant([len(WORDS)]))


class _Echo(tf.Module):
    def __init__(self, vocabulary: Vocabulary) -> None:
        super().__init__()
        self.vocabulary = VocabularyGraph(vocabulary)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="texts")])
    def echo(self, texts: tf.Tensor) -> dict[str, tf.Tensor]:
        ids = self.vocabulary.encode(texts).to_tensor(default_value=Vocabulary.end_id)
        return {"ids": ids, "words": self.vocabulary.words(ids)}


def _archive(echo: _Echo, folder: Path) -> None:
    archive = keras.export.ExportArchive()
    archive.track(echo)
    archive.add_endpoint("echo", echo.echo)
    archive.write_out(folder, verbose=False)


def _saved_model(echo: _Echo, folder: Path) -> None:
    tf.saved_model.save(echo, folder, signatures={"echo": echo.echo})


Save = Callable[[_Echo, Path], None]


@pytest.mark.parametrize("save", [_archive, _saved_model])
@pytest.mark.parametrize("vocabulary", VOCABULARIES, ids=RULES)
def test_a_saved_model_keeps_the_vocabulary(tmp_path: Path, vocabulary: Vocabulary, save: Save) -> None:
    save(_Echo(vocabulary), tmp_path / "1")

    answer = tf.saved_model.load(tmp_path / "1").signatures["echo"](texts=tf.constant(["don real", "U.S."]))

    padded = [*vocabulary.encode("U.S."), Vocabulary.end_id][:2]
    assert [vocabulary.encode("don real"), padded] == answer["ids"].numpy().tolist()
    assert vocabulary.words[3] == answer["words"].numpy()[0, 0].decode()
