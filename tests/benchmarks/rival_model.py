"""The SavedModel as each rival runs it: texts in, the next words of each out."""

import tensorflow as tf

__all__ = ["NextWords"]


class NextWords:
    """The signature `predict_next` of a version's folder."""

    def __init__(self, version: str) -> None:
        self._loaded = tf.saved_model.load(version)  # its signatures do not keep it alive
        self._ask = self._loaded.signatures["predict_next"]

    def __call__(self, texts: list[str]) -> list[dict[str, list[object]]]:
        answer = self._ask(text=tf.constant(texts))
        words, probabilities = answer["words"].numpy(), answer["probabilities"].numpy()
        return [
            {"words": [word.decode() for word in row], "probabilities": chances.tolist()}
            for row, chances in zip(words, probabilities, strict=True)
        ]
