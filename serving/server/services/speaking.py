"""`generate` word by word: a stream that a caller reads while it is written, and ends by hanging up."""

import math
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Any

import grpc
import numpy as np
from tensorflow_serving.apis import model_pb2

from rnnzoo.serving.continuing import SPEAKING
from rnnzoo.serving.server.calls.inference import Question, lease
from rnnzoo.serving.server.core import Core
from rnnzoo.serving.server.observation.observing import Observed
from rnnzoo.serving.server.observation.request_record import RequestRecord
from rnnzoo.serving.server.repository.servable import Servable
from rnnzoo.serving.server.services.prediction_service import abort
from rnnzoo.serving.server.status import Code, StatusError, invalid
from rnnzoo.serving.signatures import CONTROLS, MOST_WORDS
from rnnzoo.serving.speaking_protocol import METHOD, SERVICE, speaking_messages

__all__ = ["add_to", "speak"]

_END = b"<eos>"
_INT32, _FLOAT32 = np.int32, np.float32


def add_to(server: grpc.aio.Server, core: Core) -> None:
    """Registers the service."""

    async def generate(request: Any, context: grpc.aio.ServicerContext[Any, Any]) -> AsyncIterator[Any]:
        try:
            with Observed(core.observer, METHOD, "GRPC") as record:
                async with aclosing(speak(core, request, context.time_remaining(), record)) as words:
                    async for word in words:
                        yield word
        except StatusError as error:
            await abort(context, error.code, error.message)

    handler = grpc.unary_stream_rpc_method_handler(
        generate,
        request_deserializer=speaking_messages["GenerateRequest"].FromString,
        response_serializer=speaking_messages["GeneratedWord"].SerializeToString,
    )
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, {METHOD: handler}),))


async def speak(core: Core, request: Any, timeout: float | None, record: RequestRecord) -> AsyncGenerator[Any, None]:
    """The words of a continuation, those of the signature `generate` for an equal seed, each as soon as it is drawn.

    Between two words nothing runs for this request: closing the iterator ends the work. The words of concurrent
    streams are drawn in batches.

    Args:
        core: what runs the model.
        request: a GenerateRequest.
        timeout: seconds for the whole stream; no limit if None.
        record: where times and what was resolved are written.

    Raises:
        StatusError: if the request is refused, or its time is up.
    """
    deadline = None if timeout is None else time.perf_counter() + timeout
    most, controls = _controls(request)
    with lease(core.repository, _model_spec(request), record) as servable:
        if "speak" not in servable.signatures or not servable.own_export:
            raise StatusError(Code.FAILED_PRECONDITION, 'Serving signature key "speak" not found.')
        record.signature_name = "speak"
        context = await core.extender.context(servable, request.text, deadline, record)
        for index in range(most):
            question = _question(servable, context, {**controls, "index": np.array([index], _INT32)})
            asked = time.perf_counter()
            ran = await core.runner.run(servable, question, deadline)
            record.queue += ran.began - asked
            record.compute += ran.seconds
            (word,), (text,), *rest = ran.arrays
            if word == _END:
                return
            yield speaking_messages["GeneratedWord"](
                text=(text if index else text.removeprefix(b" ")).decode(), word=word.decode()
            )
            context = dict(zip(sorted(context), rest, strict=True))


def _model_spec(request: Any) -> model_pb2.ModelSpec:
    if not request.HasField("model_spec"):
        raise invalid("Missing ModelSpec")
    return model_pb2.ModelSpec.FromString(request.model_spec.SerializeToString())


def _controls(request: Any) -> tuple[int, dict[str, np.ndarray]]:
    most = request.max_words or int(CONTROLS["max_words"])
    temperature = request.temperature.value if request.HasField("temperature") else SPEAKING["temperature"]
    top_p = request.top_p.value if request.HasField("top_p") else SPEAKING["top_p"]
    rules = (
        (1 <= most <= MOST_WORDS, f"max_words must be from 1 to {MOST_WORDS}."),
        (math.isfinite(temperature) and temperature >= 0, "temperature must be at least 0 and finite."),
        (request.top_k >= 0, "top_k must be at least 0."),
        (0 < top_p <= 1, "top_p must be above 0 and at most 1."),
    )
    for holds, rule in rules:
        if not holds:
            raise invalid(rule)
    return most, {
        "temperature": np.array([temperature], _FLOAT32),
        "top_k": np.array([request.top_k], _INT32),
        "top_p": np.array([top_p], _FLOAT32),
        "seed": np.array([request.seed], _INT32),
    }


def _question(servable: Servable, context: dict[str, np.ndarray], controls: dict[str, np.ndarray]) -> Question:
    signature = servable.signatures["speak"]
    feeds = {signature.inputs[name].name: value for name, value in {**context, **controls}.items()}
    return Question("speak", signature, frozenset(signature.inputs), feeds, ("word", "text", *sorted(context)))
