"""Requests kept in files, in the very form that TensorFlow Serving's warm-up reads: TFRecords of PredictionLog."""

import contextlib
import logging
import os
import queue
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2

from rnnzoo.atomic_files import check_is_writable

__all__ = ["RequestLog", "check_request_log"]

_FRAME_BYTES = 16  # around each record: its length and two checksums
_LOGS = {
    "Predict": "predict_log",
    "Classify": "classify_log",
    "Regress": "regress_log",
    "MultiInference": "multi_inference_log",
}
_log = logging.getLogger(__name__)


def check_request_log(folder: str) -> None:
    """Raises an OSError unless requests can be kept in a folder; "" keeps none. Asked before the models load."""
    try:
        if folder:
            check_is_writable(Path(folder))
    except OSError as error:
        raise OSError(
            f"request_log_folder must be a folder that can be written to, but got {folder}: {error.strerror}."
        ) from error


class RequestLog:
    """Files `requests-00000.tfrecord` and so on in a folder, written by a thread of its own.

    Copied to a version's folder as `assets.extra/tf_serving_warmup_requests`, such a file warms the model up with real
    requests (at most 1,000 of them).

    Args:
        folder: made if it is not there. Files that are there stay, and numbers go on behind them.
        most_bytes: a file that has so many is closed, and the next one begun.
        most_files: the oldest are deleted past so many.
        most_waiting: requests that wait to be written; more are dropped, as an answer must not wait for a disk.
        most_waiting_bytes: the most that those take.
        unwritten: called, in the log's own thread, for each request that was taken and could not be written.

    Raises:
        ValueError: if a bound is not positive.
        OSError: if the folder cannot be made.
    """

    def __init__(
        self,
        folder: Path,
        most_bytes: int = 64 * 2**20,
        most_files: int = 16,
        most_waiting: int = 1000,
        most_waiting_bytes: int = 64 * 2**20,
        unwritten: Callable[[], None] = lambda: None,
    ) -> None:
        for name, bound in (
            ("most_bytes", most_bytes),
            ("most_files", most_files),
            ("most_waiting", most_waiting),
            ("most_waiting_bytes", most_waiting_bytes),
        ):
            if bound < 1:
                raise ValueError(f"{name} must be positive, but got {bound}.")
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._most_bytes = most_bytes
        self._most_files = most_files
        self._waiting: queue.Queue[tuple[int, Callable[[], bytes]] | None] = queue.Queue(most_waiting)
        self._most_waiting_bytes = most_waiting_bytes
        self._waiting_bytes = 0
        self._unwritten = unwritten
        self._counting = threading.Lock()
        self._file = folder
        self._writer: Any = None
        self._written = 0
        self._failed = False
        self._thread = threading.Thread(target=self._write_all, name="rnnzoo-request-log", daemon=True)
        self._thread.start()

    def put(self, api: str, request: Any, response: Any, sampling_rate: float = 1.0) -> bool:
        """Keeps a request and its answer.

        Args:
            api: "Predict", "Classify", "Regress" or "MultiInference"; other calls are not kept.
            request: its message, which nobody may change any more.
            response: its answer, likewise.
            sampling_rate: the share of requests that are kept, which goes into the record.

        Returns:
            Whether there was room for it.
        """
        if api not in _LOGS:
            return True
        size = request.ByteSize() + response.ByteSize()
        with self._counting:
            if self._waiting_bytes + size > self._most_waiting_bytes:
                return False
            try:
                self._waiting.put_nowait((size, lambda: _record(api, request, response, sampling_rate)))
            except queue.Full:
                return False
            self._waiting_bytes += size
        return True

    def close(self) -> None:
        """Writes what waits and closes the file."""
        self._waiting.put(None)
        self._thread.join()

    def _write_all(self) -> None:
        while (waiting := self._waiting.get()) is not None:
            size, make = waiting
            with self._counting:
                self._waiting_bytes -= size
            failure = None
            try:
                self._write(make())
            except Exception as error:  # whatever it was: the next record may well be written
                failure = str(error) or type(error).__name__
            if failure is not None:  # out of the error's reach, which holds on to the writer
                self._fail(failure)
        self._end_file()

    def _fail(self, failure: str) -> None:
        """Ends the file behind its last whole record: half of one makes whatever follows unreadable."""
        self._unwritten()
        if not self._failed:  # once: a full disk would fill the log as well
            _log.warning("the request log in %s cannot be written: %s", self._folder, failure)
        self._failed = True
        if self._writer is not None:
            whole, self._writer, self._written = self._written, None, 0  # it writes what it still can, and is gone
            with contextlib.suppress(OSError):
                os.truncate(self._file, whole)
                if not whole:
                    self._file.unlink()

    def _write(self, record: bytes) -> None:
        if self._writer is None:
            files = sorted(self._folder.glob("requests-*.tfrecord"), key=_number)
            for old in files[: max(0, len(files) - self._most_files + 1)]:
                old.unlink(missing_ok=True)
            following = _number(files[-1]) + 1 if files else 0
            self._file = self._folder / f"requests-{following:05d}.tfrecord"
            self._writer = tf.io.TFRecordWriter(str(self._file))
        self._writer.write(record)
        self._writer.flush()  # so that it is this record that fails, or none
        self._written += len(record) + _FRAME_BYTES
        if self._written >= self._most_bytes:
            self._end_file()

    def _end_file(self) -> None:
        if self._writer is not None:
            self._writer.close()
        self._writer, self._written = None, 0


def _record(api: str, request: Any, response: Any, sampling_rate: float) -> bytes:
    log = prediction_log_pb2.PredictionLog()
    if "model_spec" in response.DESCRIPTOR.fields_by_name:  # with the version that answered
        log.log_metadata.model_spec.CopyFrom(response.model_spec)
    log.log_metadata.sampling_config.sampling_rate = sampling_rate
    named = getattr(log, _LOGS[api])
    named.request.CopyFrom(request)
    named.response.CopyFrom(response)
    return bytes(log.SerializeToString())


def _number(file: Path) -> int:
    digits = file.stem.removeprefix("requests-")
    return int(digits) if digits.isdigit() else -1
