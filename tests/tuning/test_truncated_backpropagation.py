"""The trainer learns what it should, window by window, and measures what it says."""

import itertools
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from rnnzoo.models.architectures import NetworkConfig
from rnnzoo.models.language_model import LanguageModel
from rnnzoo.models.vocabulary import Vocabulary
from rnnzoo.tuning.batches import ContiguousBatches
from rnnzoo.tuning.optimization.optimizers import batches_learnt
from rnnzoo.tuning.truncated_backpropagation import TruncatedBackpropagation

VOCABULARY = Vocabulary(["<unk>", "<eos>", *"abcdefgh"])
TOKENS = np.random.default_rng(0).integers(0, 10, size=47).astype(np.int32)


def make_trainer(
    network: str = "lstm", batch_size: int = 3, loss: str = "full", **options: Any
) -> TruncatedBackpropagation:
    keras.utils.set_random_seed(5)
    config = NetworkConfig(network=network, units=6, dropout=0.0)
    trainer = TruncatedBackpropagation(LanguageModel(VOCABULARY, config), batch_size, loss, samples=5)
    trainer.compile(keras.optimizers.SGD(0.5, **options), jit_compile=False)
    return trainer


def row_losses(model: LanguageModel, batch_size: int) -> np.ndarray:
    """The negative log likelihood of each token, each row of the corpus read as one text."""
    borders = np.arange(batch_size + 1) * len(TOKENS) // batch_size
    before = np.concatenate([[VOCABULARY.end_id], TOKENS])
    rows = []
    for start, stop in itertools.pairwise(borders):
        log_probabilities = tf.nn.log_softmax(model(before[start:stop][np.newaxis]))[0]
        rows.append(-tf.gather(log_probabilities, TOKENS[start:stop], batch_dims=1).numpy())
    return np.concatenate(rows)


@pytest.mark.parametrize("network", ["lstm", "skip_rnn", "skip_update_gru"])
def test_evaluation_reads_every_row_as_one_text(network: str) -> None:
    trainer = make_trainer(network)
    expected = row_losses(trainer.language_model, 3)
    for window in (4, 15):  # padded, and a single window
        dataset = ContiguousBatches(TOKENS, 3, window).dataset()
        for _ in range(2):  # the second evaluation begins where the first began
            logs = trainer.evaluate(dataset, verbose=0, return_dict=True)
            assert expected.mean() == pytest.approx(logs["loss"], rel=1e-5)
            assert np.exp(expected.mean()) == pytest.approx(logs["perplexity"], rel=1e-4)


def test_a_perplexity_that_tensorboard_cannot_write_is_infinite(tmp_path: Path) -> None:
    trainer = make_trainer()
    bias = trainer.language_model.output_bias
    bias.assign(np.where(np.arange(10) == 0, 300.0, 0.0))
    dataset = ContiguousBatches(TOKENS, 3, 15).dataset()
    history = trainer.fit(dataset, callbacks=[keras.callbacks.TensorBoard(tmp_path, write_graph=False)], verbose=0)
    assert 88.7 < history.history["loss"][0] < 709  # finite in float64 alone
    assert [np.inf] == history.history["perplexity"]


def test_accuracies() -> None:
    trainer = make_trainer(batch_size=1)
    logits = trainer.language_model(ContiguousBatches(TOKENS, 1, 47)[0][0])
    logs = trainer.evaluate(ContiguousBatches(TOKENS, 1, 47).dataset(), verbose=0, return_dict=True)
    for k in (1, 5):
        expected = np.mean(tf.math.in_top_k(TOKENS, logits[0], k))
        assert expected == pytest.approx(logs[f"top{k}"])


def test_one_step_is_a_step_down_the_mean_loss() -> None:
    trainer, twin = make_trainer(), make_trainer().language_model
    batches = ContiguousBatches(TOKENS, 3, 16)
    inputs, targets, weights = batches[0]
    with tf.GradientTape() as tape:
        nats = tf.nn.sparse_softmax_cross_entropy_with_logits(targets, twin(inputs, training=True))
        loss = tf.reduce_sum(weights * nats) / weights.sum()
    for variable, gradient in zip(twin.trainable_variables, tape.gradient(loss, twin.trainable_variables), strict=True):
        variable.assign_sub(0.5 * tf.convert_to_tensor(gradient))
    history = trainer.fit(batches.dataset().take(1), epochs=1, verbose=0).history
    assert float(loss) == pytest.approx(history["loss"][0], rel=1e-5)
    for expected, actual in zip(twin.trainable_variables, trainer.language_model.trainable_variables, strict=True):
        np.testing.assert_allclose(expected, actual, rtol=1e-4, atol=1e-6)


def test_states_are_carried_and_every_epoch_begins_anew() -> None:
    trainer = make_trainer()
    seen = []

    class Watch(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch: int, logs: object = None) -> None:
            seen.append(bool(trainer.training_states.read()[0].numpy().any()))

    trainer.fit(ContiguousBatches(TOKENS, 3, 8).dataset(), epochs=2, verbose=0, callbacks=[Watch()])
    assert [False, True] * 2 == seen


def test_the_padding_teaches_nothing() -> None:
    weights = []
    for padding in (0, 7):
        trainer = make_trainer()
        inputs, targets, real = ContiguousBatches(TOKENS, 3, 16)[0]
        batch = (np.where(real > 0, inputs, padding), np.where(real > 0, targets, padding), real)
        trainer.fit(tf.data.Dataset.from_tensors(batch), verbose=0)
        weights.append(trainer.language_model.embedding.embeddings.numpy())
    assert real.min() == 0
    np.testing.assert_array_equal(*weights)


@pytest.mark.parametrize("clipping", ["clipnorm", "clipvalue", "global_clipnorm"])
def test_clipping_is_that_of_the_dense_gradient(clipping: str) -> None:
    trainer, twin = make_trainer(**{clipping: 0.01}), make_trainer(**{clipping: 0.01})
    inputs, targets, weights = ContiguousBatches(TOKENS, 3, 16)[0]
    with tf.GradientTape() as tape:
        nats = tf.nn.sparse_softmax_cross_entropy_with_logits(targets, twin.language_model(inputs, training=True))
        loss = tf.reduce_sum(weights * nats) / weights.sum()
    variables = twin.trainable_variables
    gradients = [tf.convert_to_tensor(gradient) for gradient in tape.gradient(loss, variables)]
    twin.optimizer.apply(gradients, variables)
    trainer.fit(tf.data.Dataset.from_tensors((inputs, targets, weights)), verbose=0)
    for expected, actual in zip(variables, trainer.trainable_variables, strict=True):
        np.testing.assert_allclose(expected, actual, rtol=1e-4, atol=1e-7)


def test_a_sampled_loss_learns_too() -> None:
    trainer = make_trainer(loss="sampled")
    dataset = ContiguousBatches(np.tile([2, 3, 4, 5], 30).astype(np.int32), 3, 8).dataset()
    before = trainer.evaluate(dataset, verbose=0, return_dict=True)["loss"]
    trainer.fit(dataset, epochs=15, verbose=0)
    assert trainer.evaluate(dataset, verbose=0, return_dict=True)["loss"] < 0.7 * before


def test_an_adaptive_softmax_learns_by_the_loss_that_is_evaluated() -> None:
    keras.utils.set_random_seed(5)
    config = NetworkConfig(network="gru", units=6, dropout=0.0, softmax="adaptive", cutoffs=(3, 6))
    trainer = TruncatedBackpropagation(LanguageModel(VOCABULARY, config), 3)
    trainer.compile(keras.optimizers.Adam(0.02), jit_compile=False)
    dataset = ContiguousBatches(TOKENS, 3, 16).dataset().take(1)
    before = trainer.evaluate(dataset, verbose=0, return_dict=True)["loss"]
    history = trainer.fit(dataset, epochs=40, verbose=0).history
    assert before == pytest.approx(history["loss"][0], rel=1e-5)
    assert history["loss"][-1] < 0.7 * before


def test_evaluation_of_an_adaptive_softmax_reads_every_row_as_one_text() -> None:
    config = NetworkConfig(network="gru", units=6, softmax="adaptive", cutoffs=(3, 6))
    trainer = TruncatedBackpropagation(LanguageModel(VOCABULARY, config), 3)
    trainer.compile(optimizer=None, jit_compile=True)
    logs = trainer.evaluate(ContiguousBatches(TOKENS, 3, 4).dataset(), verbose=0, return_dict=True)
    assert row_losses(trainer.language_model, 3).mean() == pytest.approx(logs["loss"], rel=1e-5)


def test_layers_add_losses_and_measures() -> None:
    keras.utils.set_random_seed(5)
    config = NetworkConfig(network="skip_update_lstm", units=6, layers=2, budget=10.0)
    trainer = TruncatedBackpropagation(LanguageModel(VOCABULARY, config), 3)
    trainer.compile(keras.optimizers.SGD(0.5), jit_compile=False)
    history = trainer.fit(ContiguousBatches(TOKENS, 3, 8).dataset(), epochs=12, verbose=0).history
    assert {"loss", "perplexity", "update_share_0", "update_share_1"} == set(history)
    assert history["update_share_0"][-1] < history["update_share_0"][0]  # updates are dear
    assert np.exp(history["loss"]) == pytest.approx(history["perplexity"])  # the budget is no part of the likelihood


def test_fresh_starts_forget_what_was_carried() -> None:
    """All rows fresh is every window for itself; none fresh, and the windows hang together."""
    dataset = ContiguousBatches(TOKENS, 3, 8).dataset()
    apart = make_trainer()
    for batch in dataset:
        apart.training_states.reset()
        apart.train_step(batch)
    fresh, carried = make_trainer(), make_trainer()
    fresh.fresh_starts = 1.0
    for trainer in (fresh, carried):
        trainer.fit(dataset, epochs=1, verbose=0)
    kernels = [trainer.trainable_variables[-1].numpy() for trainer in (apart, fresh, carried)]
    np.testing.assert_allclose(kernels[1], kernels[0], atol=1e-6)
    assert np.abs(kernels[2] - kernels[0]).max() > 1e-5


@pytest.mark.parametrize("drawn", ["samples", "fresh starts"])
def test_batches_whose_gradients_are_accumulated_draw_apart(drawn: str) -> None:
    """At a learning rate of 0, one batch again and again has the losses that different draws give it."""
    losses = {}
    for accumulated in (None, 4):
        trainer = make_trainer(
            loss="sampled" if drawn == "samples" else "full", gradient_accumulation_steps=accumulated
        )
        trainer.optimizer.learning_rate = 0.0
        trainer.fresh_starts = 0.5 if drawn == "fresh starts" else 0.0
        batch = ContiguousBatches(TOKENS, 3, 8)[0]
        seen = losses[accumulated] = []
        for _ in range(4):
            trainer.training_states.carry([tf.ones((3, 6))] * 2)
            trainer.nats.reset_state()
            seen.append(float(trainer.train_step(batch)["loss"]))
    assert losses[None] == losses[4]
    assert len(set(losses[4])) > 1


def test_a_batch_of_other_rows_is_named_as_the_cause() -> None:
    trainer, dataset = make_trainer(batch_size=3), ContiguousBatches(TOKENS, 2, 5).dataset()
    for teach in (trainer.fit, trainer.evaluate):
        with pytest.raises(ValueError, match=r"a batch must have 3 rows, .*, but got 2\."):
            teach(dataset, verbose=0)


def test_the_states_that_are_carried_are_no_parameters() -> None:
    trainer = make_trainer()
    assert trainer.language_model.count_params() == trainer.count_params()


def test_keras_keeps_the_weights_of_the_best_epoch(tmp_path: Path) -> None:
    trainer, dataset = make_trainer(), ContiguousBatches(TOKENS, 3, 5).dataset()
    path = tmp_path / "best.weights.h5"
    keep = keras.callbacks.ModelCheckpoint(path, monitor="loss", save_best_only=True, save_weights_only=True)
    trainer.fit(dataset, epochs=1, callbacks=[keep], verbose=0)
    again = make_trainer()
    again.load_weights(path)
    for expected, found in zip(trainer.language_model.weights, again.language_model.weights, strict=True):
        np.testing.assert_array_equal(expected, found)


def test_padding_is_no_step() -> None:
    """Of the last window, what is padding counts in no budget."""
    tokens = TOKENS[:9]  # one row: a window of 8, and one word of the next
    config = NetworkConfig(network="skip_update_gru", units=6, dropout=0.0, budget=1e-2)
    penalties = []
    for window in (8, 1):  # padded by seven words; not at all
        keras.utils.set_random_seed(5)
        trainer = TruncatedBackpropagation(LanguageModel(VOCABULARY, config), 1, "full")
        trainer.compile(keras.optimizers.SGD(0.0), jit_compile=False)
        *_, last = ContiguousBatches(tokens, 1, window).dataset()
        trainer.train_step(last)
        (penalty,) = trainer.losses
        penalties.append(float(penalty))
    assert penalties == [pytest.approx(1e-2)] * 2  # one update: at the first step of a text


def test_batch_statistics_know_no_padding() -> None:
    config = NetworkConfig(network="lstm", units=6, dropout=0.0, normalization="batch")
    trainer = TruncatedBackpropagation(LanguageModel(VOCABULARY, config), 1, "full")
    trainer.compile(keras.optimizers.SGD(0.0), jit_compile=False)
    *_, last = ContiguousBatches(TOKENS[:9], 1, 8).dataset()
    trainer.train_step(last)
    variances = trainer.language_model.named_weights["layer_0/input_moving_variance"].numpy()
    np.testing.assert_array_equal([False] + 49 * [True], (variances == 1).all(axis=1))


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
def test_the_precision_is_the_language_models_own(policy: str) -> None:
    """Not the global one, which may have changed since."""
    model = LanguageModel(VOCABULARY, NetworkConfig(network="gru", units=6), dtype=policy)
    losses, before = [], keras.config.dtype_policy()
    for elsewhere in ("float32", "mixed_bfloat16"):
        keras.config.set_dtype_policy(elsewhere)
        try:
            trainer = TruncatedBackpropagation(model, 3)
        finally:
            keras.config.set_dtype_policy(before)
        trainer.compile(optimizer=None, jit_compile=False)
        losses.append(trainer.evaluate(ContiguousBatches(TOKENS, 3, 4).dataset(), verbose=0, return_dict=True)["loss"])
    assert losses[0] == losses[1]


def test_losses_are_scaled_in_float16() -> None:
    keras.utils.set_random_seed(5)
    config = NetworkConfig(network="lstm", units=6, dropout=0.0)
    trainer = TruncatedBackpropagation(LanguageModel(VOCABULARY, config, dtype="mixed_float16"), 3)
    trainer.compile(keras.optimizers.SGD(0.5), jit_compile=False)
    assert isinstance(trainer.optimizer, keras.optimizers.LossScaleOptimizer)
    history = trainer.fit(ContiguousBatches(TOKENS, 3, 8).dataset(), epochs=8, verbose=0).history
    assert history["loss"][-1] < history["loss"][0] - 0.05
    assert 8 * 2 == batches_learnt(trainer.optimizer)


def test_weights_of_other_precisions_are_refused() -> None:
    model = LanguageModel(VOCABULARY, NetworkConfig(network="gru", units=6), dtype="float64")
    with pytest.raises(ValueError, match=r"must have float32 weights to be trained, but got float64\."):
        TruncatedBackpropagation(model, 2)
