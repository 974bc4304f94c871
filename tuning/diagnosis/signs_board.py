"""The signs of a training run for TensorBoard, written by TensorFlow alone: tensorboard itself only shows them."""

from pathlib import Path

import tensorflow as tf

from rnnzoo.tuning.diagnosis.signs import Sample

__all__ = ["SignsBoard"]


class SignsBoard:
    """A TensorBoard log with a chart for each measure of each variable and layer, such as `gradient_norm/lstm/kernel`.

    Args:
        folder: for the log's files.
    """

    def __init__(self, folder: Path) -> None:
        self._writer = tf.summary.create_file_writer(str(folder))
        self._scalar = tf.compat.v1.SummaryMetadata(
            plugin_data=tf.compat.v1.SummaryMetadata.PluginData(plugin_name="scalars"), data_class=1
        )

    def add(self, sample: Sample) -> None:
        """Write a sample's numbers."""
        with self._writer.as_default(step=sample.step):
            self._write("gradient_norm", sample.gradient_norm)
            self._write("clipped_norm", sample.clipped_norm)
            if sample.clipped is not None:
                self._write("clipped", float(sample.clipped))
            for name, signs in {**sample.variables, **sample.layers}.items():
                for measure, value in vars(signs).items():
                    self._write(f"{measure}/{name}", value)

    def close(self) -> None:
        self._writer.close()

    def _write(self, tag: str, value: float) -> None:
        tf.summary.write(tag, tf.constant(value, tf.float32), metadata=self._scalar)
