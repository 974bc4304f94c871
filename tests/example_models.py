"""Models that answer examples, as both TensorFlows write them."""

from pathlib import Path
from typing import Any

import tensorflow as tf

CLASSIFY, REGRESS = "tensorflow/serving/classify", "tensorflow/serving/regress"
FEATURES = {"x": tf.io.FixedLenFeature([], tf.float32), "bias": tf.io.FixedLenFeature([], tf.float32, 0.0)}
LABELS = [b"no", b"ja", "да".encode()]


def save_tensorflow_1(folder: Path) -> None:
    """As `tensorflow.estimator` and the serving examples export it: one graph, signatures by their method."""
    signatures = tf.compat.v1.saved_model
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        examples = tf.compat.v1.placeholder(tf.string, [None], name="tf_example")
        other = tf.compat.v1.placeholder(tf.string, [None], name="other")
        parsed = tf.io.parse_example(examples, FEATURES)
        weight = tf.compat.v1.get_variable("weight", initializer=0.5)
        y = parsed["x"] * weight + parsed["bias"]
        scores = y[:, tf.newaxis] * tf.constant([[1.0, 2.0, 3.0]])
        classes = tf.tile(tf.constant([LABELS]), [tf.size(examples), 1])
        session.run(tf.compat.v1.global_variables_initializer())
        info = tf.compat.v1.saved_model.build_tensor_info

        def classification(**outputs: Any) -> Any:
            return signatures.build_signature_def(
                {"inputs": info(examples)}, {key: info(value) for key, value in outputs.items()}, CLASSIFY
            )

        def regression(output: Any, source: Any = examples) -> Any:
            return signatures.build_signature_def({"inputs": info(source)}, {"outputs": info(output)}, REGRESS)

        builder = tf.compat.v1.saved_model.Builder(str(folder))
        builder.add_meta_graph_and_variables(
            session,
            [tf.saved_model.SERVING],
            {
                "serving_default": signatures.classification_signature_def(examples, classes, scores),
                "regress": signatures.regression_signature_def(examples, y[:, tf.newaxis]),
                "regress_flat": regression(y),
                "scores_only": classification(scores=scores),
                "classes_only": classification(classes=classes),
                "three": classification(classes=classes, scores=scores, more=y),
                "neither": classification(x=scores),
                "flat_scores": classification(scores=y),
                "number_classes": classification(classes=scores),
                "one_row": classification(scores=scores[:1]),
                "unequal": classification(classes=classes, scores=scores[:, :2]),
                "predict": signatures.predict_signature_def({"x": parsed["x"]}, {"y": y}),
                "wide": regression(scores),
                "doubles": regression(tf.cast(y, tf.float64)),
                "short": regression(y[:1]),
                "other_input": regression(tf.strings.to_number(other), other),
            },
        )
        builder.save()


class TensorFlow2(tf.Module):
    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
    def classify(self, inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        x = tf.io.parse_example(inputs, FEATURES)["x"]
        return {"scores": tf.stack([x, -x], 1), "classes": tf.tile([["up", "down"]], [tf.size(x), 1])}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
    def regress(self, inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"outputs": tf.io.parse_example(inputs, FEATURES)["x"] + 1.0}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32)])
    def numbers(self, inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"outputs": inputs}
