"""The SavedModel behind BentoML: `rival_bentoml.py VERSION_FOLDER PORT`."""

import os
import sys

import bentoml
from rival_model import NextWords


@bentoml.service(workers=1, traffic={"timeout": 60}, logging={"access": {"enabled": False}})
class NextWordsService:
    def __init__(self) -> None:
        self.ask = NextWords(os.environ["VERSION_FOLDER"])

    @bentoml.api(batchable=True, max_batch_size=32, max_latency_ms=1000)
    def predict(self, texts: list[str]) -> list[dict[str, list[object]]]:
        return self.ask(texts)


if __name__ == "__main__":
    os.environ["VERSION_FOLDER"] = sys.argv[1]
    os.execlp(
        sys.executable,
        sys.executable,
        "-m",
        "bentoml",
        "serve",
        "rival_bentoml:NextWordsService",
        "--port",
        sys.argv[2],
    )
