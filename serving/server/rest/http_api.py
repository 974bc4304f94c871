"""TensorFlow Serving's REST API over HTTP: methods, status codes, headers, limits; and the URLs beside it."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from importlib import resources

from aiohttp import web

from rnnzoo.serving.server.core import Core
from rnnzoo.serving.server.observation.observing import Observed
from rnnzoo.serving.server.observation.request_record import RequestRecord
from rnnzoo.serving.server.rest.answers import Answer, answer_prediction, answer_question
from rnnzoo.serving.server.rest.bodies import Bodies
from rnnzoo.serving.server.rest.json_answers import error_answer
from rnnzoo.serving.server.rest.urls import RestQuestion, question_of
from rnnzoo.serving.server.status import GONE, Code, StatusError, status_of_error

__all__ = ["RestOptions", "make_app"]

_HTTP_STATUS: dict[int, int] = {
    Code.CANCELLED: 499,
    Code.INVALID_ARGUMENT: 400,
    Code.DEADLINE_EXCEEDED: 504,
    Code.NOT_FOUND: 404,
    Code.ALREADY_EXISTS: 409,
    Code.PERMISSION_DENIED: 403,
    Code.RESOURCE_EXHAUSTED: 429,
    Code.FAILED_PRECONDITION: 400,
    Code.ABORTED: 409,
    Code.OUT_OF_RANGE: 400,
    Code.UNIMPLEMENTED: 501,
    Code.UNAVAILABLE: 503,
    Code.UNAUTHENTICATED: 401,
}
_CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "POST, GET",
    "Access-Control-Allow-Headers": "Content-Type",
}
# libevent's own page, which is what TensorFlow Serving sends for paths that nobody registered.
_NOT_FOUND = "<HTML><HEAD>\n<TITLE>404 Not Found</TITLE>\n</HEAD><BODY>\n<H1>Not Found</H1>\n</BODY></HTML>\n"
_PAGE_TYPES = {"html": "text/html", "css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
_PAGE_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-cache",
}


@dataclass(frozen=True, kw_only=True)
class RestOptions:
    """How the REST port answers.

    Attributes:
        timeout_in_ms: what a request may take, its body and its turn waited for; 0 or less is no limit.
        cors: whether pages of other origins may ask.
        monitoring_path: where Prometheus finds the metrics; None for nowhere.
        most_body_bytes: of a request, unpacked; as much as TensorFlow Serving unpacks of a gzip body.
        most_body_bytes_at_once: of all requests that are not answered yet; past that, they are refused.
        playground: whether the page to try a model out is at `/`.
    """

    timeout_in_ms: int = 30_000
    cors: bool = False
    monitoring_path: str | None = None
    most_body_bytes: int = 100 * 2**20
    most_body_bytes_at_once: int = 200 * 2**20
    playground: bool = True


def make_app(core: Core, options: RestOptions) -> web.Application:
    """The application: the API at `/v1/`, `/healthz/live` and `/healthz/ready`, the metrics, the playground.

    Args:
        core: what answers.
        options: how.
    """
    app = web.Application()
    app.on_response_prepare.append(_without_server)
    handlers = _Handlers(core, options)
    app.router.add_get("/healthz/live", handlers.live)
    app.router.add_get("/healthz/ready", handlers.ready)
    if options.monitoring_path:
        app.router.add_get(options.monitoring_path, handlers.metrics)
    if options.playground:
        for name, body in _page_files().items():
            app.router.add_get("/" if name == "index.html" else f"/playground/{name}", _file(name, body))
    app.router.add_route("*", "/{path:.*}", handlers.api)
    return app


class _Handlers:
    def __init__(self, core: Core, options: RestOptions) -> None:
        self._core = core
        self._options = options
        self._bodies = Bodies(options.most_body_bytes, options.most_body_bytes_at_once)
        self._timeout = options.timeout_in_ms / 1000 if options.timeout_in_ms > 0 else None

    async def live(self, request: web.Request) -> web.Response:
        return web.Response(text="live\n")

    async def ready(self, request: web.Request) -> web.Response:
        if self._core.draining:
            return web.Response(text="draining\n", status=503)
        missing = ", ".join(self._core.repository.missing)
        if not self._core.repository.ready:
            return web.Response(text=f"not available: {missing or 'any model'}\n", status=503)
        return web.Response(text=f"ready\nnot available: {missing}\n" if missing else "ready\n")

    async def metrics(self, request: web.Request) -> web.Response:
        page = self._core.metrics.exposition()
        return web.Response(body=page, headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"})

    async def api(self, request: web.Request) -> web.Response:
        path = request.raw_path if request.raw_path.startswith("/") else str(request.rel_url)
        if not path.lower().startswith("/v1/"):
            response = web.Response(text=_NOT_FOUND, content_type="text/html", status=404)
        elif self._options.cors and request.method == "OPTIONS":
            response = web.Response()
        else:
            response = await self._answered(request, path)
        if self._options.cors:
            response.headers.update(_CORS)
        return response

    async def _answered(self, request: web.Request, path: str) -> web.Response:
        try:
            question = question_of(request.method, path)
            if request.method == "GET":
                return _json(answer_question(self._core, question))
            with Observed(self._core.observer, question.method.capitalize(), "REST") as record:
                answer = await self._answer_in_time(request, question, record)
                record.request, record.response = answer.request, answer.response
            return _json(answer.body, {"Server-Timing": _timing(record)})
        except Exception as error:
            return _refused(status_of_error(error))

    async def _answer_in_time(self, request: web.Request, question: RestQuestion, record: RequestRecord) -> Answer:
        # What waits for its body or for a worker would wait for ever: a run's own limit begins with the run.
        try:
            async with asyncio.timeout(self._timeout), self._bodies.body_of(request) as body:
                return await answer_prediction(self._core, question, body, self._timeout, record)
        except TimeoutError:
            raise StatusError(Code.DEADLINE_EXCEEDED, "Timed out waiting for notification") from None
        except web.HTTPRequestEntityTooLarge:
            most = self._options.most_body_bytes
            raise _TooLargeError(
                Code.INVALID_ARGUMENT, f"the body of a request must have at most {most} bytes."
            ) from None
        except ConnectionError:  # nobody reads the answer
            raise StatusError(Code.CANCELLED, GONE) from None


class _TooLargeError(StatusError):
    """A body that is too large, for which HTTP has a status of its own."""


async def _without_server(request: web.Request, response: web.StreamResponse) -> None:
    # Which Python and which library answer is nobody's business; TensorFlow Serving sends no such header either.
    response.headers.popall("Server", None)


def _json(body: bytes, headers: dict[str, str] | None = None, status: int = 200) -> web.Response:
    return web.Response(body=body, status=status, content_type="application/json", headers=headers)


def _refused(error: StatusError) -> web.Response:
    status = 413 if isinstance(error, _TooLargeError) else _HTTP_STATUS.get(error.code, 500)
    return _json(error_answer(error.message), status=status)


def _timing(record: RequestRecord) -> str:
    # A header that every browser's developer tools draw.
    stages = (("parse", record.parse), ("queue", record.queue), ("compute", record.compute), ("reply", record.reply))
    told = [f'version;desc="{record.model_version}"', *(f"{name};dur={seconds * 1000:.3f}" for name, seconds in stages)]
    return ", ".join(told if record.cache is None else [f'cache;desc="{record.cache}"', *told])


def _page_files() -> dict[str, bytes]:
    folder = resources.files("rnnzoo.serving.server") / "playground"
    return {file.name: file.read_bytes() for file in folder.iterdir() if file.name.rpartition(".")[2] in _PAGE_TYPES}


def _file(name: str, body: bytes) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def send(request: web.Request) -> web.Response:
        return web.Response(
            body=body, content_type=_PAGE_TYPES[name.rpartition(".")[2]], charset="utf-8", headers=_PAGE_HEADERS
        )

    return send
