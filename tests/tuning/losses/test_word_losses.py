"""Which loss "auto" chooses, and what is refused."""

import pytest

from rnnzoo.tuning.losses.word_losses import AdaptiveLoss, FullSoftmax, SampledSoftmax, word_loss


@pytest.mark.parametrize(
    ("name", "vocabulary_size", "samples", "kind"),
    [
        ("auto", 10_000, 64, FullSoftmax),
        ("auto", 10_001, 64, SampledSoftmax),
        ("auto", 10_001, 20_000, FullSoftmax),
        ("full", 33_278, 64, FullSoftmax),
        ("sampled", 100, 64, SampledSoftmax),
    ],
)
def test_the_choice(name: str, vocabulary_size: int, samples: int, kind: type) -> None:
    assert kind is type(word_loss(name, vocabulary_size, samples))


def test_other_names_are_refused() -> None:
    with pytest.raises(ValueError, match="loss must be one of auto, full, sampled, but got 'hinge'"):
        word_loss("hinge", 100, 10)


def test_more_samples_than_words_are_refused() -> None:
    with pytest.raises(ValueError, match="take the full softmax otherwise"):
        word_loss("sampled", 100, 100)


@pytest.mark.parametrize("name", ["auto", "full"])
@pytest.mark.parametrize("vocabulary_size", [100, 33_278])
def test_an_adaptive_softmax_has_its_own_loss(name: str, vocabulary_size: int) -> None:
    assert AdaptiveLoss is type(word_loss(name, vocabulary_size, 64, softmax="adaptive"))


def test_an_adaptive_softmax_is_not_sampled() -> None:
    with pytest.raises(ValueError, match="loss='sampled' needs softmax='tied', but got softmax='adaptive'"):
        word_loss("sampled", 33_278, 64, softmax="adaptive")
