"""The answer follows from the region, stands where it should, and stands nowhere else."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnzoo.tuning.corpora.recall import LANGUAGES, Recall


@given(
    distance=st.integers(0, 40),
    pairs=st.integers(2, 40),
    seed=st.integers(0, 5),
    split=st.sampled_from(["train", "test"]),
)
def test_the_answer_is_the_region_lag_steps_back(distance: int, pairs: int, seed: int, split: str) -> None:
    corpus = Recall(distance=distance, pairs=pairs, seed=seed, examples=30)

    for line in corpus.lines(split):
        answers = [place for place, word in enumerate(line) if word in corpus.answers]
        assert [corpus.lag] == answers
        assert LANGUAGES[line[0]] == line[corpus.lag]
        assert corpus.line_tokens == len(line) + 1


def test_languages_are_distinct_single_words() -> None:
    assert len(LANGUAGES) >= 20
    assert len(LANGUAGES) == len(set(LANGUAGES.values()))
    assert not set(LANGUAGES) & set(LANGUAGES.values())
    vocabulary = Recall(pairs=len(LANGUAGES)).vocabulary()
    assert all(vocabulary.split(word) == [word] for pair in LANGUAGES.items() for word in pair)


def test_typed_text_is_split_as_the_lines_are() -> None:
    corpus = Recall(distance=10, examples=200)
    vocabulary = corpus.vocabulary()

    for line in corpus.lines("train"):
        assert line == vocabulary.split(" ".join(line).replace(" 't", "'t"))


def test_lines_depend_on_options_seed_and_split_alone() -> None:
    def lines(split: str, **options: int) -> list[list[str]]:
        return list(Recall(examples=100, **options).lines(split))

    assert lines("train") == lines("train", seed=0)
    assert lines("train") != lines("train", seed=1)
    assert lines("train")[:10] != lines("valid")
    assert lines("valid") != lines("test")
    assert [100, 10, 10] == [len(lines(split)) for split in ("train", "valid", "test")]


def test_lines_are_varied() -> None:
    lines = [tuple(line) for line in Recall().lines("train")]

    assert len(set(lines)) > 0.95 * len(lines)
    assert set(Recall().answers) == {line[Recall().lag] for line in lines}


def test_answer_mask_marks_answers_in_any_shape() -> None:
    corpus = Recall(distance=2, examples=40)
    vocabulary = corpus.vocabulary()
    ids = np.array([vocabulary.encode_words(line) for line in corpus.lines("test")])

    mask = corpus.answer_mask(ids, vocabulary)

    assert (mask.sum(axis=1) == 1).all()
    assert mask[:, corpus.lag].all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"distance": -1}, "distance must be an integer of at least 0, but got distance=-1"),
        ({"distance": 2.5}, "distance must be an integer"),
        ({"pairs": 1}, "pairs must be an integer from 2 to 40, but got pairs=1"),
        ({"pairs": 41}, "from 2 to 40"),
        ({"examples": 9}, "examples must be an integer of at least 10"),
        ({"seed": -1}, "seed must be an integer of at least 0"),
    ],
)
def test_options_out_of_range_are_refused(options: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Recall(**options)


def test_unknown_splits_are_refused_at_once() -> None:
    with pytest.raises(ValueError, match="split must be one of train, valid, test, but got split='dev'"):
        Recall().lines("dev")
