"""One step of a recurrent cell as a pure function, taken apart far enough to see the term that it adds to each weight.

A step's term of the gradient of a matrix is an outer product, what was read ⊗ the gradient of what came of it, so it is
kept as its two factors. Of every small weight (gains, biases) each row has a copy, whose gradient is the row's term.

The alphabet: t = time, b = batch, u = units, g = width of the pre-activations.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import keras
import tensorflow as tf

from rnnzoo.models.layers.cell import RecurrentCell
from rnnzoo.models.layers.gated import GRUCell, LSTMCell
from rnnzoo.models.layers.simple import SimpleRNNCell
from rnnzoo.models.recurrence import States

__all__ = ["CellStep", "StepGradients", "Term", "cell_step"]


class Term(NamedTuple):
    """What each step adds to the gradient of one weight: `left ⊗ right`, p · q values.

    Attributes:
        left: (t, b, p), or None where the gradient of a step is `right` itself.
        right: (t, b, q).
    """

    left: tf.Tensor | None
    right: tf.Tensor


@dataclass(frozen=True)
class StepGradients:
    """Gradients of all steps of a layer.

    Attributes:
        drive: (t, b, g) of what the input adds.
        recurrent: (t, b, g) of what the hidden state adds; of width 0 where the cell cannot be taken apart.
        copies: for each weight copied for each row, (t, b, values).
    """

    drive: tf.Tensor
    recurrent: tf.Tensor
    copies: Mapping[str, tf.Tensor]


class CellStep(Protocol):
    """What the loops ask of a cell. The first state is the hidden one, or several of them, newest first."""

    units: int
    state_names: tuple[str, ...]
    weights: Mapping[str, tf.Tensor]
    one_row: bool  # whether the gradients of its weights can be told apart for a single row only

    def drive(self, sequence: tf.Tensor) -> tf.Tensor:
        """All that depends on the input alone: (t, b, features) → (t, b, g)."""

    def advance(
        self, drive: tf.Tensor, states: States, copies: Mapping[str, tf.Tensor]
    ) -> tuple[States, tf.Tensor | None]:
        """New states, and the recurrent products (b, g) as a tensor that a tape can differentiate for."""

    def terms(self, sequence: tf.Tensor, histories: tf.Tensor, gradients: StepGradients) -> dict[str, Term]:
        """The terms of every weight; `histories` are the first states before each step, (t, b, depth · u)."""


def cell_step(cell: Any) -> CellStep:
    """The step of a cell of the zoo, of one of Keras's that has the same equation there, or of any other."""
    if isinstance(cell, RecurrentCell):
        return _SplitStep(cell)
    twin = _twin(cell)
    return _WholeStep(cell) if twin is None else _SplitStep(twin)


class _SplitStep:
    """A cell of the zoo: input products, recurrent products, and a pointwise equation."""

    one_row = False
    weights: Mapping[str, tf.Tensor]
    state_names: tuple[str, ...]

    def __init__(self, cell: RecurrentCell) -> None:
        self.cell = cell
        self.units = cell.units
        names = ["hidden", *(["cell"] if isinstance(cell, LSTMCell) else [])]
        self.state_names = (*names, *(f"state_{index}" for index in range(len(names), len(cell.state_size))))
        self.values = [(variable, tf.convert_to_tensor(variable)) for variable in cell.variables]
        self.recurrent_kernel = tf.convert_to_tensor(cell.recurrent_kernel)
        weights = {name: tf.convert_to_tensor(weight) for name, weight in cell.step_weights().items()}
        statistics = {variable.name for variable in cell.non_trainable_variables}
        self.weights = {name: weight for name, weight in weights.items() if name not in statistics}
        self.statistics = {name: weight for name, weight in weights.items() if name in statistics}

    def drive(self, sequence: tf.Tensor) -> tf.Tensor:
        with keras.StatelessScope(self.values):  # a custom gradient may not meet variables
            return self.cell.project(sequence)

    def read(self, histories: tf.Tensor) -> tf.Tensor:
        """The hidden states at each delay side by side: (…, depth · u) → (…, delays · u)."""
        hiddens = tf.split(histories, self.cell.depth, axis=-1)  # newest first
        return tf.concat([hiddens[delay - 1] for delay in self.cell.delays], axis=-1)

    def advance(
        self, drive: tf.Tensor, states: States, copies: Mapping[str, tf.Tensor]
    ) -> tuple[States, tf.Tensor | None]:
        history, *others = states
        recurrent = tf.matmul(self.read(history), self.recurrent_kernel)
        # Every row is a batch of one, so that it meets its own copy of a weight in products, too.
        rows = {
            name: copy if self.weights[name].shape.rank > 1 else copy[:, tf.newaxis] for name, copy in copies.items()
        }
        before = (history[:, : self.units], *others)
        hidden, *others = self.cell.advance_normalized(
            drive[:, tf.newaxis],
            recurrent[:, tf.newaxis],
            tuple(state[:, tf.newaxis] for state in before),
            {**rows, **self.statistics},
        )
        history = tf.concat([hidden[:, 0], history[:, : -self.units]], axis=-1)
        return (history, *(state[:, 0] for state in others)), recurrent

    def terms(self, sequence: tf.Tensor, histories: tf.Tensor, gradients: StepGradients) -> dict[str, Term]:
        cell, copies = self.cell, dict(gradients.copies)
        terms = {
            "kernel": Term(sequence, gradients.drive),
            "recurrent_kernel": Term(self.read(histories), gradients.recurrent),
        }
        if cell.bias is not None:
            # A GRU's bias has two rows: one joins the input products, the other the recurrent ones.
            second = [copies.pop("recurrent_bias")] if "recurrent_bias" in copies else []
            terms["bias"] = Term(None, tf.concat([gradients.drive, *second], axis=-1))
        for name, right in copies.items():
            terms[name] = Term(None, right)
        return terms


class _WholeStep:
    """Any Keras cell, as it is: its weights are told apart by a copy of each of them."""

    one_row = True
    weights: Mapping[str, tf.Tensor]
    state_names: tuple[str, ...]

    def __init__(self, cell: Any) -> None:
        self.cell = cell
        sizes = cell.state_size
        sizes = list(sizes) if isinstance(sizes, Sequence) else [sizes]
        if isinstance(cell, keras.layers.StackedRNNCells) or not all(isinstance(size, int) for size in sizes):
            raise ValueError(f"a recurrent layer must hold one cell, but got {type(cell).__name__}.")
        self.units = sizes[0]
        second = "cell" if isinstance(cell, keras.layers.LSTMCell) else "state_1"
        self.state_names = ("hidden", second, *(f"state_{index}" for index in range(2, len(sizes))))[: len(sizes)]
        self.variables = {_short_name(variable, cell): variable for variable in cell.trainable_variables}
        self.weights = {name: tf.convert_to_tensor(variable) for name, variable in self.variables.items()}
        self.others = [(variable, tf.convert_to_tensor(variable)) for variable in cell.non_trainable_variables]

    def drive(self, sequence: tf.Tensor) -> tf.Tensor:
        return tf.identity(sequence)

    def advance(
        self, drive: tf.Tensor, states: States, copies: Mapping[str, tf.Tensor]
    ) -> tuple[States, tf.Tensor | None]:
        mapping = [*((self.variables[name], copy[0]) for name, copy in copies.items()), *self.others]
        with keras.StatelessScope(mapping):
            output, new_states = self.cell(drive, list(states))
        new_states = tuple(keras.tree.flatten(new_states))
        if output is not new_states[0]:
            raise ValueError(f"a cell's output must be its first state, but {type(self.cell).__name__} gives another.")
        return new_states, None

    def terms(self, sequence: tf.Tensor, histories: tf.Tensor, gradients: StepGradients) -> dict[str, Term]:
        return {name: Term(None, right) for name, right in gradients.copies.items()}


def _twin(cell: Any) -> RecurrentCell | None:
    """The zoo's cell with the equation and the very weights of one of Keras's, where there is one."""
    twin: RecurrentCell
    if type(cell) is keras.layers.SimpleRNNCell:
        twin = SimpleRNNCell(cell.units, cell.activation, dtype=cell.dtype_policy)
    elif type(cell) is keras.layers.LSTMCell and _has_usual_gates(cell):
        twin = LSTMCell(cell.units, dtype=cell.dtype_policy)
    elif type(cell) is keras.layers.GRUCell and _has_usual_gates(cell) and cell.reset_after:
        twin = GRUCell(cell.units, dtype=cell.dtype_policy)
    else:
        return None
    twin.kernel, twin.recurrent_kernel, twin.bias = cell.kernel, cell.recurrent_kernel, cell.bias
    twin.built = True
    return twin


def _has_usual_gates(cell: Any) -> bool:
    return cell.activation is keras.activations.tanh and cell.recurrent_activation is keras.activations.sigmoid


def _short_name(variable: keras.Variable, cell: Any) -> str:
    return str(variable.path).removeprefix(f"{cell.path}/")
