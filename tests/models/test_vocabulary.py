"""The vocabulary: splitting, ids, files, and the same answers inside a graph."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rnnzoo.models.vocabulary import RULES, Vocabulary

SPECIALS = ("<unk>", "<eos>")
WIKITEXT = Vocabulary((*SPECIALS, ",", "real", "@-@", "U.S.", "'s", "naïve", "1.e4", "the"), rule="wikitext")
WORDS = Vocabulary((*SPECIALS, ",", "don", "'t", "call", "str.join", "(", ")", "game", "'s"))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", []),
        (" \t\n", []),
        ("str.join 3.14 e.g.", ["str.join", "3.14", "e.g", "."]),
        ("don't, game's", ["don", "'t", ",", "game", "'s"]),
        ("don’t say ’hello’", ["don", "'t", "say", "’", "hello", "’"]),
        ("'hello' rock'n'roll", ["'", "hello", "'", "rock", "'n'roll"]),
        ("well-known -x a--b _a_b", ["well-known", "-", "x", "a", "-", "-", "b", "_a_b"]),
        ("wait...what", ["wait", "...", "what"]),
        ("a\u00a0b\x00c\u2003d\u3000e", ["a", "b", "c", "d", "e"]),
        ("e\u0301te\u0301 हिन्दी café", ["e\u0301te\u0301", "हिन्दी", "café"]),
        ("great😀 «5€»", ["great", "😀", "«", "5", "€", "»"]),
        ("<unk> a<eos>", ["<unk>", "a", "<eos>"]),
    ],
)
def test_split_words(text: str, words: list[str]) -> None:
    assert words == WORDS.split(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("the U.S. , real @-@ time 's", ["the", "U.S.", ",", "real", "@-@", "time", "'s"]),
        ("the real-time 1.e4", ["the", "real", "@-@", "time", "1.e4"]),
        ("1,000 3.14 1,2,3", ["1", "@,@", "000", "3", "@.@", "14", "1", "@,@", "2", "@,@", "3"]),
        ("a-b-c (real-time)", ["a", "@-@", "b", "@-@", "c", "(", "real", "@-@", "time", ")"]),
        ("game's <unk> <unknown>", ["game", "'s", "<unk>", "<", "unknown", ">"]),
        ("the\u00a0U.S.\x00real", ["the", "U.S.", "real"]),
    ],
)
def test_split_wikitext(text: str, words: list[str]) -> None:
    assert words == WIKITEXT.split(text)


@pytest.mark.parametrize("vocabulary", [WORDS, WIKITEXT], ids=RULES)
@given(text=st.text() | st.lists(st.sampled_from([*WORDS.words, *WIKITEXT.words, " ", "’s", ".", "x"])).map("".join))
def test_encode_reads_what_decode_writes(vocabulary: Vocabulary, text: str) -> None:
    ids = vocabulary.encode(text)

    assert ids == vocabulary.encode(vocabulary.decode(ids))


def test_decode_joins_suffixes_of_typed_text() -> None:
    assert WORDS.decode(WORDS.encode("don't call <unk> <eos>")) == "don't call <unk> <eos>"


@given(text=st.text())
@example(text="a'b'c’d")
def test_splitting_loses_nothing_but_separators(text: str) -> None:
    kept = [character for character in "".join(WORDS.split(text)) if character not in "’'"]
    visible = [character for character in "".join(text.split()) if character not in "’'" and ord(character) > 32]

    assert [c for c in visible if not 127 <= ord(c) <= 160] == kept


@pytest.mark.parametrize("vocabulary", [WORDS, WIKITEXT], ids=RULES)
def test_lone_surrogates_are_refused(vocabulary: Vocabulary) -> None:
    with pytest.raises(ValueError, match=r"without lone surrogates, but character 1 is '\\ud800'"):
        vocabulary.split("a\ud800b")


def test_words_that_are_split_are_no_text() -> None:
    with pytest.raises(ValueError, match=r"text must be a string \(`encode_words` .*\), but got \['to', 'be'\]\."):
        Vocabulary(["<unk>", "<eos>"]).encode(["to", "be"])  # type: ignore[arg-type]


def test_from_lines_orders_by_frequency_then_first_appearance() -> None:
    lines = [["c", "b", "<unk>"], ["a", "b", "<unk>", "<unk>", "<eos>"]]

    assert (*SPECIALS, "b", "c", "a") == Vocabulary.from_lines(lines).words
    assert (*SPECIALS, "b", "c") == Vocabulary.from_lines(lines, limit=4).words


def test_from_lines_refuses_strings_and_small_limits() -> None:
    with pytest.raises(ValueError, match="sequences of words, but got the string 'a line'"):
        Vocabulary.from_lines(["a line"])
    for limit in (2, 4.0):
        with pytest.raises(ValueError, match=f"limit must be an integer of at least 3 .*, but got {limit=}"):
            Vocabulary.from_lines([["a"]], limit=limit)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("words", "rule", "message"),
    [
        (["a"], "words", "must start with <unk> and <eos>"),
        ([*SPECIALS, "a"], "letters", "rule must be one of words, wikitext, but got rule='letters'"),
        ([*SPECIALS, "a", "a"], "words", "distinct, but 'a' is word 2 and word 3"),
        ([*SPECIALS, ""], "words", "word 2 is ''"),
        ([*SPECIALS, "a b"], "words", "word 2 is 'a b'"),
        ([*SPECIALS, 7], "words", "word 2 is 7"),
        ([*SPECIALS, "\udfff"], "words", "lone surrogates"),
    ],
)
def test_broken_vocabularies_are_refused(words: list[str], rule: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Vocabulary(words, rule)


def test_ids() -> None:
    assert (0, 1) == (Vocabulary.unknown_id, Vocabulary.end_id)
    assert [3, 4, 0] == WORDS.encode_words(["don", "'t", "panic"])
    assert "don" in WORDS
    assert "panic" not in WORDS
    with pytest.raises(ValueError, match="ids must be from 0 to 10, but got 11"):
        WORDS.decode([2, 11])
    with pytest.raises(ValueError, match="but got -1"):
        WORDS.decode([-1])


def test_vocabularies_are_values() -> None:
    again = Vocabulary(list(WORDS.words))

    assert again == WORDS
    assert hash(again) == hash(WORDS)
    assert Vocabulary(WORDS.words, rule="wikitext") != WORDS
    assert Vocabulary(WORDS.words[:-1]) != WORDS
    with pytest.raises(AttributeError):
        WORDS.rule = "wikitext"  # type: ignore[misc]


@given(words=st.lists(st.text(st.characters(categories=["L", "N"]), min_size=1), unique=True))
def test_config_inverts(words: list[str]) -> None:
    vocabulary = Vocabulary((*SPECIALS, *words))

    assert vocabulary == Vocabulary.from_config(json.loads(json.dumps(vocabulary.get_config())))


def test_save_and_load(tmp_path: Path) -> None:
    WIKITEXT.save(tmp_path / "tokenizer.json")

    assert WIKITEXT == Vocabulary.load(tmp_path / "tokenizer.json")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{", "Expecting property name"),
        (b"\xff", "utf-8"),
        (b"[]", "must be an object"),
        (b'{"words": []}', "but got \\['words'\\]"),
        (b'{"rule": "words", "words": "ab"}', 'a list of "words"'),
        (b'{"rule": [], "words": ["<unk>", "<eos>"]}', "rule must be one of"),
        (b'{"rule": "words", "words": ["<unk>", "<eos>", "\\ud800"]}', "surrogates"),
    ],
)
def test_broken_files_are_refused(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "tokenizer.json"
    path.write_bytes(content)

    with pytest.raises(ValueError, match=f"tokenizer.json does not hold a vocabulary: .*{message}"):
        Vocabulary.load(path)


def test_missing_file_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"tokenizer\.json"):
        Vocabulary.load(tmp_path / "tokenizer.json")


def test_vocabulary_needs_no_tensorflow() -> None:
    program = "import sys, rnnzoo.models.vocabulary; sys.exit('tensorflow' in sys.modules or 'keras' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
