"""Forward and backward pass of our layers against Keras's and PyTorch's, measured in turn. Run it with `make bench`.

PyTorch runs in its own environment, `tests/benchmarks/.venv`; without one its columns stay empty.
"""

import platform
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import keras
import tensorflow as tf
from alternation import alternate, ratio, timed
from rich.console import Console
from rich.table import Table

from rnnzoo import models

BATCH, TIME, FEATURES, UNITS = 32, 100, 256, 256
ROUNDS = 15
TORCH_PYTHON = Path(__file__).parent / ".venv" / "bin" / "python"

# Our layer, Keras's and PyTorch's of the same equation.
LAYERS: dict[str, tuple[Callable[..., keras.layers.Layer], Callable[..., keras.layers.Layer] | None, str | None]] = {
    "SimpleRNN (ReLU)": (
        lambda **options: models.SimpleRNN(UNITS, "relu", **options),
        lambda **options: keras.layers.SimpleRNN(UNITS, "relu", **options),
        "RNN",
    ),
    "LSTM": (
        lambda **options: models.LSTM(UNITS, **options),
        lambda **options: keras.layers.LSTM(UNITS, **options),
        "LSTM",
    ),
    "GRU": (
        lambda **options: models.GRU(UNITS, **options),
        lambda **options: keras.layers.GRU(UNITS, **options),
        "GRU",
    ),
    "IRNN": (lambda **options: models.IRNN(UNITS, **options), None, None),
    "SkipRNN": (lambda **options: models.SkipRNN(UNITS, **options), None, None),
    "SkipUpdateLSTM": (lambda **options: models.SkipUpdateLSTM(UNITS, **options), None, None),
    "SkipUpdateGRU": (lambda **options: models.SkipUpdateGRU(UNITS, **options), None, None),
}


def forward_and_backward(layer: keras.layers.Layer, jit_compile: bool) -> Callable[[], float]:
    inputs = tf.random.stateless_normal((BATCH, TIME, FEATURES), seed=(0, 1))
    layer(inputs)

    @tf.function(jit_compile=jit_compile)
    def run(inputs: tf.Tensor) -> list[tf.Tensor]:
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            loss = tf.reduce_sum(layer(inputs, training=True))
        return tape.gradient(loss, [inputs, *(weight.value for weight in layer.trainable_weights)])

    return timed(lambda: [gradient.numpy() for gradient in run(inputs)[-1:]])


@contextmanager
def torch_pass(kind: str) -> Iterator[Callable[[], float]]:
    sizes = [str(size) for size in (BATCH, TIME, FEATURES, UNITS)]
    command = [str(TORCH_PYTHON), str(Path(__file__).parent / "torch_worker.py"), kind, *sizes]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as worker:
        if worker.stdin is None or worker.stdout is None:
            raise RuntimeError("the PyTorch worker must have a pipe for its input and its output.")
        requests, answers = worker.stdin, worker.stdout

        def measure() -> float:
            requests.write("\n")
            requests.flush()
            return float(answers.readline())

        yield measure
        requests.close()


def main() -> None:
    table = Table(
        title=f"Forward and backward, batch {BATCH} × {TIME} steps × {FEATURES} → {UNITS}, float32: our time / theirs"
    )
    for heading in ("layer", "ours (ms)", "/ Keras", "/ PyTorch", "/ our SimpleRNN"):
        table.add_column(heading)
    with ExitStack() as stack:
        candidates: dict[str, Callable[[], float]] = {}
        for name, (ours, theirs, torch_kind) in LAYERS.items():
            for jit_compile, suffix in ((False, ""), (True, ", XLA")):
                candidates[f"{name} ours{suffix}"] = forward_and_backward(ours(return_sequences=True), jit_compile)
                if theirs is not None:
                    candidates[f"{name} Keras{suffix}"] = forward_and_backward(
                        theirs(return_sequences=True), jit_compile
                    )
            if torch_kind is not None and TORCH_PYTHON.exists():
                candidates[f"{name} PyTorch"] = stack.enter_context(torch_pass(torch_kind))
        seconds = alternate(candidates, ROUNDS)

    def faster(name: str) -> list[float] | None:
        """Of a layer with and without XLA, the faster one."""
        measured = [seconds[key] for key in (name, f"{name}, XLA") if key in seconds]
        return min(measured, key=lambda times: sorted(times)[len(times) // 2]) if measured else None

    simple = faster("SimpleRNN (ReLU) ours")
    for name in LAYERS:
        ours = faster(f"{name} ours")
        if ours is None or simple is None:
            continue
        columns = [faster(f"{name} Keras"), faster(f"{name} PyTorch"), simple]
        ratios = ["" if theirs is None else str(ratio(ours, theirs)) for theirs in columns]
        table.add_row(name, f"{1000 * sorted(ours)[len(ours) // 2]:.1f}", *ratios)
    console = Console(width=120)
    console.print(table)
    console.print(
        f"Median (quartiles) of {ROUNDS} rounds in turn; of each with and without XLA the faster. "
        f"{platform.machine()}, TensorFlow {tf.__version__}, Keras {keras.__version__}."
    )


if __name__ == "__main__":
    main()
