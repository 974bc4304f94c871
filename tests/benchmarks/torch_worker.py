"""Runs in an environment of its own that has PyTorch: for each line it reads, it times one piece of work.

The work is a layer's forward and backward pass, or a training step of PyTorch's word_language_model example.
"""

import argparse
import time
from collections.abc import Callable

import torch

BEST_OF = 3


def layer_pass(kind: str, batch: int, steps: int, features: int, units: int) -> Callable[[], None]:
    options = {"nonlinearity": "relu"} if kind == "RNN" else {}
    network = getattr(torch.nn, kind)(features, units, batch_first=True, **options)
    inputs = torch.randn(batch, steps, features, requires_grad=True)

    def run() -> None:
        network.zero_grad()
        inputs.grad = None
        outputs, _ = network(inputs)
        outputs.sum().backward()

    return run


class WordModel(torch.nn.Module):
    """The example's model: LSTM 2 × 200, tied to the embedding, dropout 0.2."""

    def __init__(self, words: int, units: int = 200, layers: int = 2, dropout: float = 0.2) -> None:
        super().__init__()
        self.dropout = torch.nn.Dropout(dropout)
        self.embedding = torch.nn.Embedding(words, units)
        self.lstm = torch.nn.LSTM(units, units, layers, dropout=dropout)
        self.decoder = torch.nn.Linear(units, words)
        self.decoder.weight = self.embedding.weight
        torch.nn.init.uniform_(self.embedding.weight, -0.1, 0.1)

    def forward(
        self, token_ids: torch.Tensor, states: tuple[torch.Tensor, ...]
    ) -> tuple[torch.Tensor, tuple[torch.Tensor, ...]]:
        outputs, states = self.lstm(self.dropout(self.embedding(token_ids)), states)
        return torch.log_softmax(self.decoder(self.dropout(outputs)).flatten(0, 1), dim=1), states


def word_step(words: int, batch: int, steps: int) -> Callable[[], None]:
    """One step of the example's training: full softmax, the gradient's norm clipped to 0.25, plain SGD at 20."""
    model = WordModel(words)
    token_ids = torch.randint(words, (steps + 1, batch))
    states: tuple[torch.Tensor, ...] = (torch.zeros(2, batch, 200), torch.zeros(2, batch, 200))

    def run() -> None:
        nonlocal states
        model.zero_grad()
        log_probabilities, states = model(token_ids[:-1], tuple(state.detach() for state in states))
        torch.nn.functional.nll_loss(log_probabilities, token_ids[1:].flatten()).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 0.25)
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.add_(parameter.grad, alpha=-20)

    return run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=("RNN", "LSTM", "GRU", "words"))
    parser.add_argument(
        "sizes", type=int, nargs="+", help="batch, steps, features and units, or words, batch and steps"
    )
    arguments = parser.parse_args()
    torch.manual_seed(0)
    make = word_step if arguments.kind == "words" else lambda *sizes: layer_pass(arguments.kind, *sizes)
    run = make(*arguments.sizes)
    while True:
        try:
            input()
        except EOFError:
            return
        best = float("inf")
        for _ in range(BEST_OF):
            begin = time.perf_counter()
            run()
            best = min(best, time.perf_counter() - begin)
        print(best, flush=True)


if __name__ == "__main__":
    main()
