"""Python's own documentation: the same lines every time, no line in two splits."""

import itertools

import pytest

from rnnzoo.tuning.corpora.python_docs import PythonDocs


@pytest.fixture(scope="module")
def corpus() -> PythonDocs:
    return PythonDocs(words=40_000)


def test_the_training_split_ends_near_its_limit(corpus: PythonDocs) -> None:
    words = sum(map(len, corpus.lines("train")))

    assert 40_000 <= words < 60_000
    assert all(sum(map(len, corpus.lines(split))) > 500 for split in ("valid", "test"))


def test_no_line_is_tested_that_was_trained_on(corpus: PythonDocs) -> None:
    lines = [" ".join(line) for split in ("train", "valid", "test") for line in corpus.lines(split)]

    assert all(lines)
    splits = [set(map(tuple, corpus.lines(split))) for split in ("train", "valid", "test")]
    assert all(not one & other for one, other in itertools.combinations(splits, 2))


def test_the_lines_are_always_the_same(corpus: PythonDocs) -> None:
    again = PythonDocs(words=40_000)

    assert list(corpus.lines("valid")) == list(again.lines("valid"))
    assert corpus.identity == again.identity
    assert corpus.identity != PythonDocs(words=50_000).identity


def test_it_reads_as_documentation_does(corpus: PythonDocs) -> None:
    vocabulary = corpus.vocabulary(limit=2000)

    assert len(vocabulary) == 2000
    assert all(word in vocabulary for word in ("statement", "object", "function", "returns", "."))


def test_words_out_of_range_are_refused() -> None:
    with pytest.raises(ValueError, match="words must be an integer of at least 1000, but got words=10"):
        PythonDocs(words=10)
    with pytest.raises(ValueError, match="split must be one of"):
        PythonDocs().lines("dev")
