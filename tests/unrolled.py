"""What gradient flow must agree with: Keras's tape through a plain Python loop over the cells, step by step.

Every step gets its own copy of every weight and a probe on every state, zeros whose gradient is that of the state.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from rnnzoo.tuning.diagnosis.recorded_loop import Recording
from rnnzoo.tuning.diagnosis.traced_model import TracedModel
from rnnzoo.tuning.diagnosis.weight_terms import total_gradient

__all__ = ["Unrolled", "assert_equal_gradients", "record", "unrolled"]


@dataclass
class Unrolled:
    """For one layer and one loss: gradients of each step, earliest first.

    Attributes:
        states: for each state (time, n); of a history of hidden states, by the newest.
        weights: for each trainable weight of the cell, by name, (time, …).
    """

    states: list[np.ndarray]
    weights: dict[str, np.ndarray]


def unrolled(model: keras.Sequential, inputs: np.ndarray, target: Any, loss: Any) -> list[Unrolled]:
    """The recurrent layers of a model of which each layer reads the one before; inputs (time, …) of a single row."""
    layers = [layer for layer in model.layers if isinstance(layer, keras.layers.RNN)]
    cells = [layer.cell for layer in layers]
    time = len(inputs)
    initial = [[tf.cast(state, tf.float64) for state in layer.get_initial_state(batch_size=1)] for layer in layers]
    probes = [[[tf.zeros_like(state) for state in states] for _ in range(time)] for states in initial]
    with tf.GradientTape() as tape:
        copies = [[[tf.identity(v.value) for v in cell.trainable_variables] for _ in range(time)] for cell in cells]
        tape.watch([probes, copies])
        outputs = tf.constant(inputs[np.newaxis])
        index = 0
        for layer in model.layers:
            if not isinstance(layer, keras.layers.RNN):
                outputs = layer(outputs)
                continue
            states, steps = initial[index], []
            for now in range(time):
                mapping = zip(layer.cell.trainable_variables, copies[index][now], strict=True)
                with keras.StatelessScope(list(mapping)):
                    _, states = layer.cell(outputs[:, now], states)
                states = [
                    tf.concat([newest + _newest(probe, layer.cell, number), state[:, newest.shape[-1] :]], axis=-1)
                    for number, (state, probe) in enumerate(zip(states, probes[index][now], strict=True))
                    for newest in [_newest(state, layer.cell, number)]
                ]
                steps.append(_newest(states[0], layer.cell, 0))
            outputs = tf.stack(steps, axis=1) if layer.return_sequences else steps[-1]
            index += 1
        value = loss(tf.constant([target]), outputs[:, -1] if outputs.shape.rank == 3 else outputs)
    d_probes, d_copies = tape.gradient(value, (probes, copies), unconnected_gradients=tf.UnconnectedGradients.ZERO)
    return [
        Unrolled(
            states=[
                np.stack([_newest(step[number][0], cell, number) for step in d_probes[index]])
                for number in range(len(initial[index]))
            ],
            weights={
                variable.name: np.stack([np.asarray(step[number]) for step in d_copies[index]])
                for number, variable in enumerate(cell.trainable_variables)
            },
        )
        for index, cell in enumerate(cells)
    ]


def _newest(state: tf.Tensor, cell: Any, number: int) -> tf.Tensor:
    """Of a history of hidden states, (…, depth · units), the one that this step made."""
    return state[..., : cell.units] if number == 0 and hasattr(cell, "depth") else state


def record(
    model: keras.Model, inputs: np.ndarray, targets: np.ndarray, loss: Any
) -> Iterator[tuple[int, list[Recording], int]]:
    """For each row: its number, the recordings of its pass, and its place in them."""
    row = 0
    for losses, recordings in TracedModel(model, inputs[:1], loss).run(inputs, targets):
        for place in range(len(losses)):
            yield row, recordings, place
            row += 1


def assert_equal_gradients(model: keras.Model, inputs: np.ndarray, targets: np.ndarray, loss: Any) -> None:
    """States, terms, and the whole of them, row by row."""
    compared, time = 0, inputs.shape[1]
    for row, recordings, place in record(model, inputs, targets, loss):
        expected = unrolled(model, inputs[row], targets[row], loss)
        for layer, recording in zip(expected, recordings, strict=True):
            for want, got in zip(layer.states, recording.d_states, strict=True):
                np.testing.assert_allclose(got[:, place, : want.shape[-1]], want, rtol=1e-9, atol=1e-14)
            for name, term in recording.terms.items():
                want = layer.weights[name].reshape(time, -1)
                left = np.ones((time, 1)) if term.left is None else term.left[:, place].numpy()
                right = term.right[:, place].numpy()
                got = (left[:, :, np.newaxis] * right[:, np.newaxis]).reshape(time, -1)
                np.testing.assert_allclose(got, want, rtol=1e-9, atol=1e-14)
                whole = np.ravel(total_gradient(term)[place])
                np.testing.assert_allclose(whole, want.sum(axis=0), rtol=1e-9, atol=1e-13)
            missing = set(layer.weights) - set(recording.terms)
            assert all(name.startswith("initial_") for name in missing)  # read before the first step only
            compared += 1
    assert len(inputs) * len(expected) == compared
