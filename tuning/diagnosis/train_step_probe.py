"""A look into a train step: its gradients, its update and its recurrent states, with nothing changed by looking."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from rnnzoo.tuning.diagnosis.layers_of_models import recurrent_layers_of
from rnnzoo.tuning.diagnosis.measures import clipping_rows, gradient_rows, state_row, weight_rows

__all__ = ["Look", "TrainStepProbe", "optimizers_of"]

UNSCALED = 1.0  # a loss
Rows = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Look:
    """What one look found.

    Attributes:
        gradients: (variables, 2), see `gradient_rows`; NaN where the step has no gradient.
        clippings: (variables, 3), see `clipping_rows`, of what the optimizer takes its update from; NaN where it makes
            none, but only adds the gradient to others, or passes over one that has overflown.
        changes: (variables, 3), see `weight_rows`: what the step makes of the weights.
        states: (layers, 3), see `state_row`; NaN where the step does not run the layer.
    """

    gradients: Rows
    clippings: Rows
    changes: Rows
    states: Rows


class TrainStepProbe:
    """Runs a model's own `train_step` aside, on a batch that it is about to learn, and takes back all that it did.

    The program that trains is never touched. A second one is traced from the same `train_step`, in which the optimizer
    shows the gradients that it is given and those that it clips, and each recurrent layer's loop shows its states.
    Before this program runs, every variable that it captured (weights, optimizer, metrics, carried states, seed
    generators, whoever owns them) is read; afterwards each is given back its value, to the bit. It so sees the dropout
    masks and the sampled words that the real step is going to draw, and the update that it is going to make.

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
        sizes = {"gradients": (len(self.variables), 2), "clippings": (len(self.variables), 3)}
        sizes["states"] = (len(self.layers), 3)
        self._records = {name: tf.Variable(tf.zeros(size, tf.float64)) for name, size in sizes.items()}
        self._applied = False
        self._step = self._trace(model, element_spec)
        if not self._applied:
            raise ValueError(
                "a model whose gradients are watched must apply them by a Keras optimizer in its train_step, "
                f"but {type(model).__name__} applied none."
            )
        own = {id(record.handle) for record in self._records.values()}
        self._captured = [
            (handle, tf.dtypes.as_dtype(handle._handle_data.shape_and_type[0].dtype))
            for handle, _ in self._step.graph.captures
            if handle.dtype == tf.resource and id(handle) not in own and _is_variable(handle)
        ]
        self._compare = tf.function(lambda before: weight_rows(before, self.variables), autograph=False)

    def look(self, batch: Any) -> Look:
        """What the train step would do with `batch` now."""
        before = [tf.convert_to_tensor(variable) for variable in self.variables]
        values = [tf.raw_ops.ReadVariableOp(resource=handle, dtype=dtype) for handle, dtype in self._captured]
        for record in self._records.values():
            record.assign(tf.fill(record.shape, tf.constant(np.nan, tf.float64)))
        try:
            self._step(batch)
            records = {name: record.numpy() for name, record in self._records.items()}
            return Look(changes=self._compare(before).numpy(), **records)
        finally:
            for (handle, _), value in zip(self._captured, values, strict=True):
                tf.raw_ops.AssignVariableOp(resource=handle, value=value)

    def _trace(self, model: keras.Model, element_spec: Any) -> Any:
        def step(batch: Any) -> None:
            model.train_step(tf.nest.map_structure(_none_for_optional, batch))

        with ExitStack() as replacements:
            for optimizer in optimizers_of(model):
                replacements.enter_context(_replaced(optimizer, "apply", self._shown_apply_of(optimizer)))
            for row, layer in enumerate(self.layers):
                replacements.enter_context(_replaced(layer, "inner_loop", self._shown_loop_of(layer, row)))
            try:
                return tf.function(step, autograph=False).get_concrete_function(element_spec)
            except Exception as error:
                if not model.run_eagerly:
                    raise
                raise ValueError(
                    "a model whose gradients are watched must have a train_step that TensorFlow can trace, but that of "
                    f"{type(model).__name__}, which runs eagerly, needs values ({type(error).__name__})."
                ) from error

    def _shown_apply_of(self, optimizer: keras.optimizers.Optimizer) -> Any:
        apply = optimizer.apply
        # What scales a loss against underflow does not clip; the optimizer inside it does.
        inner = getattr(optimizer, "inner_optimizer", optimizer)
        clip = inner._clip_gradients

        def shown(gradients: Sequence[Any], trainable_variables: Sequence[Any] | None = None) -> None:
            variables = list(optimizer._trainable_variables if trainable_variables is None else trainable_variables)
            given = [
                (gradient, self._rows.get(id(variable)))
                for gradient, variable in zip(gradients, variables, strict=True)
                if gradient is not None and not getattr(variable, "overwrite_with_gradient", False)
            ]
            watched = {place: row for place, (_, row) in enumerate(given) if row is not None}

            def shown_clip(before: Sequence[Any]) -> Sequence[Any]:
                after = clip(before)
                measured = clipping_rows([before[place] for place in watched], [after[place] for place in watched])
                self._record("clippings", watched.values(), measured)
                return after

            if watched:
                self._applied = True
                scale = optimizer.scale_loss(UNSCALED)
                scaled = [given[place][0] for place in watched]
                unscaled = scaled if scale is UNSCALED else [keras.ops.divide(gradient, scale) for gradient in scaled]
                self._record("gradients", watched.values(), gradient_rows(unscaled))
            with _replaced(inner, "_clip_gradients", shown_clip if watched else clip):
                apply(gradients, variables)

        return shown

    def _record(self, name: str, rows: Iterable[int], measured: Any) -> None:
        record = self._records[name]
        record.assign(tf.tensor_scatter_nd_update(record, [[row] for row in rows], measured))

    def _shown_loop_of(self, layer: keras.layers.RNN, row: int) -> Any:
        loop = layer.inner_loop

        def shown(*arguments: Any, **named: Any) -> Any:
            with _replaced(layer, "return_sequences", True):
                last, outputs, states = loop(*arguments, **named)
            mask = named.get("mask")
            measured = state_row(outputs, mask[0] if isinstance(mask, list | tuple) else mask)
            self._record("states", [row], [measured])
            return last, outputs, states

        return shown


def optimizers_of(model: keras.Model) -> list[keras.optimizers.Optimizer]:
    """The optimizer that a model was compiled with, and those that are attributes of it."""
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
