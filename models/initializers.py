"""Starting points that carry gradients: identity and np-RNN recurrent kernels, chrono biases for gates."""

from typing import Any

import keras
import tensorflow as tf

from rnnzoo.models.arguments import whole

__all__ = ["ChronoGRU", "ChronoLSTM", "NonNegativeProduct", "SquareBlocks"]


@keras.saving.register_keras_serializable("rnnzoo")
class NonNegativeProduct(keras.initializers.Initializer):
    """The np-RNN's recurrent kernel: positive definite, with one eigenvalue 1 and the others below.

    `A = RᵀR / n` with `R ~ N(0, 1)`, then `(A + I) / λmax(A + I)`: ReLU networks start neither growing nor
    forgetting at once. Source: Talathi & Vartak 2015, "Improving performance of recurrent neural network with relu
    nonlinearity".

    Args:
        seed: an integer for equal kernels every time; the default draws new ones.

    Example:
        >>> kernel = NonNegativeProduct(seed=1)((8, 8))
        >>> float(tf.reduce_max(tf.linalg.eigvalsh(kernel)).numpy().round(4))
        1.0
    """

    def __init__(self, seed: int | None = None) -> None:
        self.seed = seed

    def __call__(self, shape: tuple[int, ...], dtype: Any = None) -> tf.Tensor:
        units = _square(shape, type(self).__name__)
        dtype = keras.backend.standardize_dtype(dtype)
        # There are no eigenvalues in 16 bits.
        precise = dtype if dtype in ("float32", "float64") else "float32"
        normal = keras.random.normal((units, units), seed=self.seed, dtype=precise)
        product = tf.matmul(normal, normal, transpose_a=True) / units + tf.eye(units, dtype=normal.dtype)
        return tf.cast(product / tf.reduce_max(tf.linalg.eigvalsh(product)), dtype)

    def get_config(self) -> dict[str, Any]:
        return {"seed": self.seed}


@keras.saving.register_keras_serializable("rnnzoo")
class SquareBlocks(keras.initializers.Initializer):
    """Fill a kernel of several square blocks (one for each gate or each delay) block by block.

    Args:
        initializer: what draws each `(units, units)` block.

    Example:
        >>> SquareBlocks("identity")((2, 4)).numpy().tolist()
        [[1.0, 0.0, 1.0, 0.0], [0.0, 1.0, 0.0, 1.0]]
    """

    def __init__(self, initializer: Any) -> None:
        self.initializer = keras.initializers.get(initializer)

    def __call__(self, shape: tuple[int, ...], dtype: Any = None) -> tf.Tensor:
        units, longest = min(shape), max(shape)
        if len(shape) != 2 or longest % units:
            raise ValueError(f"shape must be a row or a column of square blocks, but got {shape=}.")
        blocks = []
        for block in range(longest // units):
            # One seed draws one matrix: without this every gate would start as the same one.
            draw = self.initializer
            if block and isinstance(getattr(draw, "seed", None), int):
                draw = type(draw).from_config({**draw.get_config(), "seed": draw.seed + block})
            blocks.append(tf.convert_to_tensor(draw((units, units), dtype=dtype)))
        return tf.concat(blocks, axis=shape.index(longest))

    def get_config(self) -> dict[str, Any]:
        return {"initializer": keras.initializers.serialize(self.initializer)}


class _Chrono(keras.initializers.Initializer):
    """Biases under which a gate keeps its memory for 1 … `longest_lag` steps, drawn uniformly and logarithmed."""

    def __init__(self, longest_lag: int, seed: int | None = None) -> None:
        self.longest_lag = whole("longest_lag", longest_lag, least=3)
        self.seed = seed

    def lags(self, units: int, dtype: Any) -> tf.Tensor:
        return tf.math.log(keras.random.uniform((units,), 1.0, self.longest_lag - 1.0, dtype=dtype, seed=self.seed))

    def get_config(self) -> dict[str, Any]:
        return {"longest_lag": self.longest_lag, "seed": self.seed}


@keras.saving.register_keras_serializable("rnnzoo")
class ChronoLSTM(_Chrono):
    """An LSTM bias whose forget gates remember for up to `longest_lag` steps: `b_f = log U(1, T - 1)`, `b_i = -b_f`.

    Source: Tallec & Ollivier 2018, "Can recurrent neural networks warp time?".

    Args:
        longest_lag: the longest dependency expected, in steps.
        seed: an integer for equal biases every time.

    Example:
        >>> i, f, g, o = tf.split(ChronoLSTM(100, seed=1)((16,)), 4)
        >>> bool(tf.reduce_all(i == -f)), bool(tf.reduce_all(f >= 0)), bool(tf.reduce_all(g == 0))
        (True, True, True)
    """

    def __call__(self, shape: tuple[int, ...], dtype: Any = None) -> tf.Tensor:
        lags = self.lags(_units(shape, 4), dtype)
        rest = tf.zeros_like(lags)
        return tf.concat([-lags, lags, rest, rest], axis=0)  # i, f, g, o


@keras.saving.register_keras_serializable("rnnzoo")
class ChronoGRU(_Chrono):
    """A GRU bias whose update gates remember for up to `longest_lag` steps: `b_z = log U(1, T - 1)`.

    The sign is that of Keras's GRU, whose `z` keeps the old state. Source: Tallec & Ollivier 2018.

    Args:
        longest_lag: the longest dependency expected, in steps.
        seed: an integer for equal biases every time.

    Example:
        >>> ChronoGRU(100, seed=1)((2, 12)).shape
        TensorShape([2, 12])
    """

    def __call__(self, shape: tuple[int, ...], dtype: Any = None) -> tf.Tensor:
        lags = self.lags(_units(shape, 3), dtype)
        rest = tf.zeros_like(lags)
        bias = tf.concat([lags, rest, rest], axis=0)  # z, r, g
        # The GRU has a bias for the input and one for the recurrent product: the two add up in the update gate.
        return tf.stack([bias, tf.zeros_like(bias)]) if len(shape) == 2 else bias


def _units(shape: tuple[int, ...], gates: int) -> int:
    if shape[-1] % gates:
        raise ValueError(f"the bias must have one block for each of {gates} gates, but got {shape=}.")
    return shape[-1] // gates


def _square(shape: tuple[int, ...], name: str) -> int:
    if len(shape) != 2 or shape[0] != shape[1]:
        raise ValueError(f"{name} needs a square kernel, but got {shape=}.")
    return shape[0]
