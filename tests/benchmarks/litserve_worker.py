"""The same SavedModel behind LitServe, in an environment of its own: `litserve_worker.py VERSION_FOLDER PORT`."""

import sys

import litserve as ls
import numpy as np
import tensorflow as tf


class NextWords(ls.LitAPI):
    def setup(self, device: str) -> None:
        self.loaded = tf.saved_model.load(sys.argv[1])
        self.ask = self.loaded.signatures["predict_next"]

    def decode_request(self, request: dict[str, list[str]]) -> str:
        return request["instances"][0]

    def batch(self, inputs: list[str]) -> list[str]:
        return inputs

    def predict(self, texts: list[str]) -> list[dict[str, list[object]]]:
        answer = self.ask(text=tf.constant(texts))
        words, probabilities = answer["words"].numpy(), answer["probabilities"].numpy()
        return [
            {"words": [word.decode() for word in row], "probabilities": np.asarray(chances).tolist()}
            for row, chances in zip(words, probabilities, strict=True)
        ]

    def unbatch(self, output: list[dict[str, list[object]]]) -> list[dict[str, list[object]]]:
        return output

    def encode_response(self, output: dict[str, list[object]]) -> dict[str, list[object]]:
        return output


if __name__ == "__main__":
    api = NextWords(max_batch_size=32, batch_timeout=0.002)
    ls.LitServer(api, accelerator="cpu", devices=1, workers_per_device=1).run(
        port=int(sys.argv[2]), generate_client_file=False, log_level="error"
    )
