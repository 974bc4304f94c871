"""Dynamic evaluation is a prediction, then a step of the paper's rule; and it leaves no trace."""

from dataclasses import replace
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from rnnzoo.models import NETWORKS, LanguageModel, NetworkConfig, Vocabulary
from rnnzoo.tuning import (
    DynamicEvaluation,
    evaluate,
    evaluate_dynamically,
    gradient_scales,
    tune_dynamic_evaluation,
)
from rnnzoo.tuning.batches import ContiguousBatches

VOCABULARY = Vocabulary(["<unk>", "<eos>", *"abcdef"])
TOKENS = np.array(VOCABULARY.encode("a b c d e f a b c a b c d d e a b c f f a b c"), np.int32)


def build(network: str = "gru") -> LanguageModel:
    keras.utils.set_random_seed(1)
    model = LanguageModel(VOCABULARY, NetworkConfig(network=network, units=5, dropout=0.5))
    for weight in model.trainable_variables:
        weight.assign(weight + keras.random.normal(weight.shape, stddev=0.3))
    return model


@pytest.fixture(scope="module")
def model() -> LanguageModel:
    return build()


def batch_gradients(model: LanguageModel, batch: Any, states: Any) -> tuple[float, list[np.ndarray], Any]:
    """The mean loss of a window, its gradients and the states after it, the plain way."""
    inputs, targets, _ = (tf.constant(part) for part in batch)
    criterion = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    weights = [weight.value for weight in model.trainable_variables]
    with tf.GradientTape() as tape:
        hidden, states = model.encode(inputs, states)
        loss = criterion(targets, model.logits(hidden))
    return float(loss), [np.float64(tf.convert_to_tensor(part)) for part in tape.gradient(loss, weights)], states


def reference(model: LanguageModel, dynamics: DynamicEvaluation, scales: Any, segments: int) -> float:
    """The mean loss over the first segments, with weights in float64 between them."""
    trained = [np.float64(weight) for weight in model.trainable_variables]
    now = list(trained)
    mean = None if scales is None else np.concatenate([np.ravel(scale) for scale in scales]).mean()
    losses, states = [], model.initial_states(1)
    text = ContiguousBatches(TOKENS, 1, dynamics.segment)
    for segment in range(segments):
        loss, gradients, states = batch_gradients(model, text[segment], states)
        losses.append(loss)
        for place, (weight, gradient, static) in enumerate(zip(now, gradients, trained, strict=True)):
            if scales is None:
                now[place] = weight - dynamics.rate * gradient + dynamics.decay * (static - weight)
            else:
                scale = np.float64(scales[place])
                back = np.minimum(1.0, dynamics.decay * scale / mean)
                now[place] = weight - dynamics.rate * gradient / (scale + dynamics.epsilon) + back * (static - weight)
            model.trainable_variables[place].assign(now[place].astype(np.float32))
    for weight, static in zip(model.trainable_variables, trained, strict=True):
        weight.assign(static.astype(np.float32))
    return float(np.mean(losses))


@pytest.mark.parametrize(
    ("rule", "rate", "decay"), [("sgd", 0.8, 0.1), ("rms", 0.02, 0.1), ("rms", 0.02, 1.0), ("sgd", 0.8, 0.0)]
)
def test_it_is_the_papers_rule(model: LanguageModel, rule: str, rate: float, decay: float) -> None:
    dynamics = DynamicEvaluation(rule=rule, learning_rate=rate, decay=decay, epsilon=1e-2, segment=4)
    scales = gradient_scales(model, TOKENS, batch_size=2, window=5) if rule == "rms" else None
    expected = reference(model, dynamics, scales, segments=5)
    assert expected == pytest.approx(evaluate_dynamically(model, TOKENS[:20], dynamics, scales).loss, rel=1e-4)


def test_who_watches_is_told_of_every_segment(model: LanguageModel) -> None:
    told: list[tuple[int, int]] = []
    dynamics = DynamicEvaluation(rule="sgd", segment=7)
    evaluate_dynamically(model, TOKENS[:21], dynamics, watch=lambda *steps: told.append(steps))
    assert [(1, 3), (2, 3), (3, 3)] == told


def test_without_a_decay_it_is_keras_sgd() -> None:
    model, learner = build(), build()
    learner.compile(keras.optimizers.SGD(0.5), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    dynamics = DynamicEvaluation(rule="sgd", learning_rate=0.5, decay=0.0, segment=7)
    losses, states = [], learner.initial_states(1)
    for segment in range(3):
        loss, gradients, states = batch_gradients(learner, ContiguousBatches(TOKENS, 1, 7)[segment], states)
        losses.append(loss)
        learner.optimizer.apply(gradients, learner.trainable_variables)
    assert np.mean(losses) == pytest.approx(evaluate_dynamically(model, TOKENS[:21], dynamics).loss, rel=1e-5)


@pytest.mark.parametrize(
    ("network", "rule", "rows"), [*((network, "sgd", 3) for network in NETWORKS), ("gru", "rms", 1)]
)
def test_without_a_learning_rate_it_is_static(network: str, rule: str, rows: int) -> None:
    model = build(network)
    scales = gradient_scales(model, TOKENS, batch_size=2, window=5) if rule == "rms" else None
    still = DynamicEvaluation(rule=rule, learning_rate=0.0, segment=5)
    expected = evaluate(model, TOKENS, rows, 5, jit_compile=False).as_dict()
    assert expected == pytest.approx(evaluate_dynamically(model, TOKENS, still, scales, rows).as_dict(), rel=1e-6)


def test_the_weights_are_as_before(model: LanguageModel) -> None:
    before = model.get_weights()
    evaluate_dynamically(model, TOKENS, DynamicEvaluation(rule="sgd", learning_rate=1.0, segment=3))
    for left, right in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(left, right)


def test_the_weights_are_as_before_even_after_ctrl_c(model: LanguageModel, monkeypatch: pytest.MonkeyPatch) -> None:
    read = ContiguousBatches.__getitem__

    def interrupted(batches: ContiguousBatches, step: int) -> Any:
        if step == 3:
            assert any(not np.array_equal(*pair) for pair in zip(before, model.get_weights(), strict=True))
            raise KeyboardInterrupt
        return read(batches, step)

    before = model.get_weights()
    monkeypatch.setattr(ContiguousBatches, "__getitem__", interrupted)
    with pytest.raises(KeyboardInterrupt):
        evaluate_dynamically(model, TOKENS, DynamicEvaluation(rule="sgd", learning_rate=1.0, segment=3))
    for left, right in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(left, right)


def test_scales_are_root_mean_squares_of_gradients(model: LanguageModel) -> None:
    text = ContiguousBatches(TOKENS[:20], 2, 5)
    squares, states = [], model.initial_states(2)
    for step in range(2):
        _, gradients, states = batch_gradients(model, text[step], states)
        squares.append([gradient**2 for gradient in gradients])
    scales = gradient_scales(model, TOKENS[:20], batch_size=2, window=5)
    for expected, scale in zip(np.array(squares, dtype=object).mean(axis=0), scales, strict=True):
        np.testing.assert_allclose(np.sqrt(np.float64(expected)), scale, rtol=1e-3, atol=1e-7)
    few = gradient_scales(model, TOKENS[:20], batch_size=2, window=5, batches=1)
    np.testing.assert_allclose(np.sqrt(np.float64(squares[0][1])), few[1], rtol=1e-3, atol=1e-7)


def test_tuning_takes_the_best_rate_and_then_the_best_decay(model: LanguageModel) -> None:
    start = DynamicEvaluation(rule="sgd", decay=0.01, segment=4)
    rates, decays = (0.01, 0.5, 1e30), (0.3, 0.01)

    def loss(rate: float, decay: float) -> float:
        return evaluate_dynamically(model, TOKENS, replace(start, learning_rate=rate, decay=decay)).loss

    rate = min(rates[:2], key=lambda rate: loss(rate, 0.01))
    decay = min(decays, key=lambda decay: loss(rate, decay))
    best = tune_dynamic_evaluation(model, TOKENS, start, rates=rates, decays=decays)
    assert (rate, decay) == (best.learning_rate, best.decay)
    assert 0.7 == tune_dynamic_evaluation(model, TOKENS, start, rates=[0.7], decays=[]).learning_rate


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"rule": "adam"}, "rule must be one of rms, sgd, but got 'adam'"),
        ({"learning_rate": -1.0}, "learning_rate must be at least 0 and finite, but got learning_rate=-1.0"),
        ({"decay": 1.5}, "decay must be from 0 to 1, but got decay=1.5"),
        ({"epsilon": 0.0}, "epsilon must be positive and finite, but got epsilon=0.0"),
        ({"segment": 0}, "segment must be a positive integer, but got segment=0"),
    ],
)
def test_mistakes(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        DynamicEvaluation(**values)


def test_what_the_rms_rule_needs(model: LanguageModel) -> None:
    with pytest.raises(ValueError, match="the rms rule must be given the scales"):
        evaluate_dynamically(model, TOKENS, DynamicEvaluation(segment=5))
    with pytest.raises(ValueError, match=r"scales must be one for each of the \d+ weights, but got 1"):
        evaluate_dynamically(model, TOKENS, DynamicEvaluation(segment=5), [tf.ones(())])
    with pytest.raises(ValueError, match="batches must be a positive integer, but got batches=0"):
        gradient_scales(model, TOKENS, 2, 5, batches=0)
    with pytest.raises(ValueError, match="at least one window"):
        evaluate_dynamically(model, TOKENS, DynamicEvaluation(rule="sgd", segment=100))


def test_unknown_words_are_refused(model: LanguageModel) -> None:
    line = "tokens must be ids from 0 to 7, the model's words, but got ids from 2 to 8"
    with pytest.raises(ValueError, match=line):
        evaluate_dynamically(model, [2, 8] * 9, DynamicEvaluation(rule="sgd", segment=5))
    with pytest.raises(ValueError, match=line):
        gradient_scales(model, [2, 8] * 9, batch_size=2, window=5)


def test_weights_must_be_float32() -> None:
    model = LanguageModel(VOCABULARY, NetworkConfig(network="gru", units=5), dtype="float64")
    line = r"must have float32 weights to learn while it reads, but got float64\."
    with pytest.raises(ValueError, match=line):
        gradient_scales(model, TOKENS, batch_size=2, window=5)
    with pytest.raises(ValueError, match=line):
        evaluate_dynamically(model, TOKENS, DynamicEvaluation(rule="sgd", segment=5))
