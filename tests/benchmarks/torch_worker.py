"""Runs in an environment of its own that has PyTorch: times one forward and backward pass for each line it reads."""

import sys
import time

import torch


def make_pass(kind: str, batch: int, time_steps: int, features: int, units: int) -> object:
    torch.manual_seed(0)
    options = {"nonlinearity": "relu"} if kind == "RNN" else {}
    network = getattr(torch.nn, kind)(features, units, batch_first=True, **options)
    inputs = torch.randn(batch, time_steps, features, requires_grad=True)

    def run() -> None:
        network.zero_grad()
        inputs.grad = None
        outputs, _ = network(inputs)
        outputs.sum().backward()

    return run


def main() -> None:
    kind, *sizes = sys.argv[1:]
    run = make_pass(kind, *(int(size) for size in sizes))
    for _ in sys.stdin:
        best = float("inf")
        for _ in range(3):
            begin = time.perf_counter()
            run()
            best = min(best, time.perf_counter() - begin)
        print(best, flush=True)


if __name__ == "__main__":
    main()
