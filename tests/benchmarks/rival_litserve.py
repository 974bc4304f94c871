"""The SavedModel behind LitServe: `rival_litserve.py VERSION_FOLDER PORT`."""

import sys

import litserve as ls
from rival_model import NextWords


class NextWordsAPI(ls.LitAPI):
    def setup(self, device: str) -> None:
        self.ask = NextWords(sys.argv[1])

    def decode_request(self, request: dict[str, list[str]]) -> str:
        return request["instances"][0]

    def batch(self, inputs: list[str]) -> list[str]:
        return inputs

    def predict(self, texts: list[str]) -> list[dict[str, list[object]]]:
        return self.ask(texts)

    def unbatch(self, output: list[dict[str, list[object]]]) -> list[dict[str, list[object]]]:
        return output

    def encode_response(self, output: dict[str, list[object]]) -> dict[str, list[object]]:
        return output


if __name__ == "__main__":
    api = NextWordsAPI(max_batch_size=32, batch_timeout=0.002)
    ls.LitServer(api, accelerator="cpu", devices=1, workers_per_device=1).run(
        port=int(sys.argv[2]), generate_client_file=False, log_level="error"
    )
