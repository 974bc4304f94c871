"""TensorFlow's profiler service, which TensorBoard and `tf.profiler.experimental.client.trace` ask for a trace."""

import asyncio
import contextlib
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

import grpc
import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorflow.tsl.profiler.protobuf import profiler_options_pb2, xplane_pb2

from rnnzoo.serving.server.core import Core
from rnnzoo.serving.server.services.prediction_service import answer
from rnnzoo.serving.server.status import Code, StatusError
from rnnzoo.serving.wire import declare

__all__ = ["add_to"]

# profiler_service.proto; what is a message of its own there is bytes here, which is the same on the wire.
_MESSAGES: dict[str, Any] = dict(
    declare(
        """
        message ProfileRequest {
            uint64 duration_ms = 1;
            bytes opts = 4;
            string repository_root = 5;
            string session_id = 6;
            string host_name = 7;
            bool emit_xspace = 9;
        }
        message ProfileResponse { bool empty_trace = 7; bytes xspace = 8; }
        message TerminateRequest { string session_id = 1; }
        message TerminateResponse { bool nothing = 1; }
        """
    )
)
_SERVICE = "tensorflow.ProfilerService"


def add_to(server: grpc.aio.Server, core: Core) -> None:
    """Registers the service, if the settings want it: Profile and Terminate; the others answer UNIMPLEMENTED."""
    if not core.settings.enable_profiler:
        return
    profiler = _Profiler()

    async def profile(request: Any, context: grpc.aio.ServicerContext[Any, Any]) -> Any:
        return await answer(core, context, "Profile", request, lambda record: profiler.profile(request))

    async def terminate(request: Any, context: grpc.aio.ServicerContext[Any, Any]) -> Any:
        profiler.enough.set()
        return _MESSAGES["TerminateResponse"]()

    handlers = {
        name: grpc.unary_unary_rpc_method_handler(
            handler,
            request_deserializer=_MESSAGES[f"{name}Request"].FromString,
            response_serializer=_MESSAGES[f"{name}Response"].SerializeToString,
        )
        for name, handler in (("Profile", profile), ("Terminate", terminate))
    }
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(_SERVICE, handlers),))


class _Profiler:
    """One trace at a time: the process has one profiler."""

    def __init__(self) -> None:
        self.enough = asyncio.Event()

    async def profile(self, request: Any) -> Any:
        with tempfile.TemporaryDirectory() as folder:
            start = asyncio.to_thread(tf.profiler.experimental.start, folder, _options(request.opts))
            starting = asyncio.create_task(start)
            try:
                await asyncio.shield(starting)
                self.enough.clear()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self.enough.wait(), request.duration_ms / 1000)
            except tf.errors.OpError as error:
                raise StatusError(Code.UNAVAILABLE, f"Another profiler session active: {error.message}") from error
            finally:  # also when the caller has gone
                await asyncio.shield(asyncio.create_task(_stop(starting)))
            return await asyncio.to_thread(_collected, Path(folder), request)


async def _stop(starting: "asyncio.Task[None]") -> None:
    """Ends the trace, once it has begun: nobody else would, and the process has no other."""
    await asyncio.wait([starting])
    if starting.exception() is None:
        await asyncio.to_thread(tf.profiler.experimental.stop)


def _options(serialized: bytes) -> tf.profiler.experimental.ProfilerOptions:
    try:
        options = profiler_options_pb2.ProfileOptions.FromString(serialized)
    except DecodeError as error:
        raise StatusError(Code.INVALID_ARGUMENT, f"opts must be a ProfileOptions, but got: {error}") from error
    if not options.version:  # not said, so TensorFlow's own defaults
        return tf.profiler.experimental.ProfilerOptions()
    return tf.profiler.experimental.ProfilerOptions(
        host_tracer_level=options.host_tracer_level,
        python_tracer_level=options.python_tracer_level,
        device_tracer_level=options.device_tracer_level,
    )


def _collected(folder: Path, request: Any) -> Any:
    trace = next(folder.rglob("*.xplane.pb"), None)
    if trace is None:
        raise StatusError(Code.INTERNAL, "The profiler must have written a trace, but there is none.")
    space = trace.read_bytes()
    planes = xplane_pb2.XSpace.FromString(space).planes
    response = _MESSAGES["ProfileResponse"](
        empty_trace=not any(line.events for plane in planes for line in plane.lines)
    )
    if request.repository_root:
        session = request.session_id or time.strftime("%Y_%m_%d_%H_%M_%S")
        target = Path(request.repository_root, session)
        try:
            target.mkdir(parents=True, exist_ok=True)
            host = request.host_name.replace(":", "_").replace("/", "_")
            shutil.copy(trace, target / (f"{host}.xplane.pb" if host else trace.name))
        except OSError as error:
            raise StatusError(Code.INVALID_ARGUMENT, f"repository_root must be writable, but got: {error}") from error
    if request.emit_xspace or not request.repository_root:
        response.xspace = space
    return response
