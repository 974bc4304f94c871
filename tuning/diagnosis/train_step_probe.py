"""A look into a compiled train step: its gradients and its recurrent states, with nothing changed by looking."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from rnnzoo.tuning.diagnosis.layers_of_models import recurrent_layers_of
from rnnzoo.tuning.diagnosis.measures import gradient_rows, state_row, weight_rows
from rnnzoo.tuning.optimization.optimizers import takes_whole_rows
from rnnzoo.tuning.optimization.sparse_gradients import merge_repeated_rows

__all__ = ["Look", "TrainStepProbe"]

UNSCALED = 1.0  # a loss
Rows = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Look:
    """What one look found.

    Attributes:
        gradients: (variables, 4), see `gradient_rows`; NaN in all columns where the step applied no gradient.
        states: (layers, 3), see `state_row`; NaN in all columns where the step did not run the layer.
        weights: the values of the trainable variables at the time.
    """

    gradients: Rows
    states: Rows
    weights: Sequence[tf.Tensor]


class TrainStepProbe:
    """Runs a model's own `train_step` aside, on a batch that it is about to learn, and takes back all that it did.

    The program that trains is never touched. A second one is traced from the same `train_step`, in which the
    optimizer's `apply` records the gradients where it would have applied them, and each recurrent layer's loop shows
    its states. Before this program runs, every variable that it captured (weights, optimizer, metrics, carried states,
    seed generators, whoever owns them) is read; afterwards each is given back its value, to the bit. It so sees the
    dropout masks and the sampled words that the real step is going to draw.

    Reading gradients inside the training program itself would be cheaper and is not the same: every further reader of
    a gradient is a reason for XLA, and for TensorFlow's own optimizer, to fuse other operations, which round otherwise.

    Not taken back is what lies outside of variables: `tf.print`, summaries, and lookup tables that a step writes to.
    Random numbers of `tf.random.normal` and its like, which keep their state in the operation, are drawn apart.

    Args:
        model: a compiled Keras model whose train step applies its gradients by a Keras optimizer.
        element_spec: of the batches, as `tf.data` gives it, so that the program is traced for the very shapes of the
            real one.

    Raises:
        ValueError: if the train step applies no gradient, or is one that must run eagerly.
    """

    def __init__(self, model: keras.Model, element_spec: Any) -> None:
        self.variables = list(model.trainable_variables)
        self.layers = recurrent_layers_of(model)
        self._rows = {id(variable): row for row, variable in enumerate(self.variables)}
        self._rows |= {id(variable.value): row for row, variable in enumerate(self.variables)}
        self._gradients = tf.Variable(tf.fill((len(self.variables), 4), tf.constant(np.nan, tf.float64)))
        self._states = tf.Variable(tf.fill((len(self.layers), 3), tf.constant(np.nan, tf.float64)))
        self._applied = False
        self._step = self._trace(model, element_spec)
        if not self._applied:
            raise ValueError(
                "a model whose gradients are watched must apply them by a Keras optimizer in its train_step, "
                f"but {type(model).__name__} applied none."
            )
        own = {id(self._gradients.handle), id(self._states.handle)}
        self._captured = [
            (handle, tf.dtypes.as_dtype(handle._handle_data.shape_and_type[0].dtype))
            for handle, _ in self._step.graph.captures
            if handle.dtype == tf.resource and id(handle) not in own and _is_variable(handle)
        ]
        self._compare = tf.function(lambda before: weight_rows(before, self.variables), autograph=False)

    def look(self, batch: Any) -> Look:
        """What the train step would do with `batch` now."""
        weights = [tf.convert_to_tensor(variable) for variable in self.variables]
        values = [tf.raw_ops.ReadVariableOp(resource=handle, dtype=dtype) for handle, dtype in self._captured]
        for record in (self._gradients, self._states):
            record.assign(tf.fill(record.shape, tf.constant(np.nan, tf.float64)))
        try:
            self._step(batch)
            return Look(self._gradients.numpy(), self._states.numpy(), weights)
        finally:
            for (handle, _), value in zip(self._captured, values, strict=True):
                tf.raw_ops.AssignVariableOp(resource=handle, value=value)

    def changes(self, weights: Sequence[tf.Tensor]) -> Rows:
        """What has become of the weights since they were `weights`: (variables, 3), see `weight_rows`."""
        return self._compare(list(weights)).numpy()

    def _trace(self, model: keras.Model, element_spec: Any) -> Any:
        def step(batch: Any) -> None:
            model.train_step(tf.nest.map_structure(_none_for_optional, batch))

        with ExitStack() as replacements:
            for optimizer in _optimizers_of(model):
                replacements.enter_context(_replaced(optimizer, "apply", self._recorder_of(optimizer)))
            for row, layer in enumerate(self.layers):
                replacements.enter_context(_replaced(layer, "inner_loop", self._shown_loop_of(layer, row)))
            try:
                return tf.function(step, autograph=False).get_concrete_function(element_spec)
            except Exception as error:
                if not model.run_eagerly:
                    raise
                raise ValueError(
                    "a model whose gradients are watched must have a train_step that TensorFlow can trace, but that of "
                    f"{type(model).__name__}, which runs eagerly, needs values: {str(error).splitlines()[0]}"
                ) from error

    def _recorder_of(self, optimizer: keras.optimizers.Optimizer) -> Any:
        # What scales a loss against underflow does not clip; the optimizer inside it does.
        inner = getattr(optimizer, "inner_optimizer", optimizer)

        def record(gradients: Sequence[Any], trainable_variables: Sequence[Any] | None = None) -> None:
            if trainable_variables is None:
                trainable_variables = optimizer._trainable_variables
            given = [
                (gradient, variable)
                for gradient, variable in zip(gradients, trainable_variables, strict=True)
                if gradient is not None and id(variable) in self._rows
            ]
            if not given:
                return
            self._applied = True
            scale = optimizer.scale_loss(UNSCALED)
            before = [gradient if scale is UNSCALED else keras.ops.divide(gradient, scale) for gradient, _ in given]
            if takes_whole_rows(inner):  # Keras's own clip what they are given
                before = [merge_repeated_rows(gradient) for gradient in before]
            before = _with_those_before(inner, before, given)
            measured = gradient_rows(before, inner._clip_gradients(before))
            rows = [[self._rows[id(variable)]] for _, variable in given]
            self._gradients.assign(tf.tensor_scatter_nd_update(self._gradients, rows, measured))

        return record

    def _shown_loop_of(self, layer: keras.layers.RNN, row: int) -> Any:
        loop = layer.inner_loop

        def shown(*arguments: Any, **named: Any) -> Any:
            with _replaced(layer, "return_sequences", True):
                last, outputs, states = loop(*arguments, **named)
            mask = named.get("mask")
            measured = state_row(outputs, mask[0] if isinstance(mask, list | tuple) else mask)
            self._states.assign(tf.tensor_scatter_nd_update(self._states, [[row]], [measured]))
            return last, outputs, states

        return shown


def _with_those_before(
    optimizer: keras.optimizers.Optimizer, gradients: list[Any], given: Sequence[tuple[Any, Any]]
) -> list[Any]:
    """What an optimizer that lets gradients add up over several steps makes of them in the step that updates."""
    steps = optimizer.gradient_accumulation_steps
    if not steps:
        return gradients
    added = [optimizer._accumulated_gradients[optimizer._get_variable_index(variable)] for _, variable in given]
    return [keras.ops.divide(keras.ops.add(*pair), steps) for pair in zip(gradients, added, strict=True)]


def _optimizers_of(model: keras.Model) -> list[keras.optimizers.Optimizer]:
    candidates = [model.optimizer, *vars(model).values()]
    return list({id(c): c for c in candidates if isinstance(c, keras.optimizers.Optimizer)}.values())


@contextmanager
def _replaced(owner: Any, name: str, value: Any) -> Iterator[None]:
    """`owner.name` is `value` within the block. Keras's own bookkeeping of attributes is not to notice."""
    there = name in vars(owner)
    before = vars(owner).get(name)
    object.__setattr__(owner, name, value)
    try:
        yield
    finally:
        if there:
            object.__setattr__(owner, name, before)
        else:
            object.__delattr__(owner, name)


def _is_variable(handle: tf.Tensor) -> bool:
    data = handle._handle_data
    return data is not None and data.is_set and len(data.shape_and_type) == 1


def _none_for_optional(value: Any) -> Any:
    """Keras hands optional inputs that are not there to a train step as None."""
    return None if isinstance(value, tf.experimental.Optional) else value
