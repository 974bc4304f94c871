"""What a URL of the REST API asks for, by the very patterns of TensorFlow Serving (http_rest_api_util.cc)."""

import re
from dataclasses import dataclass
from urllib.parse import unquote

from tensorflow_serving.apis import model_pb2

from rnnzoo.serving.server.status import Code, StatusError

__all__ = ["RestQuestion", "question_of"]

_VERSION_OR_LABEL = r"(?:(?:/versions/(?P<version>\d+))|(?:/labels/(?P<label>[^/:]+)))?"
_PREDICTION = re.compile(
    rf"/v1/models/(?P<model>[^/:]+){_VERSION_OR_LABEL}:(?P<method>classify|regress|predict)", re.IGNORECASE | re.ASCII
)
_STATUS = re.compile(
    rf"/v1/models(?:/(?P<model>[^/:]+))?{_VERSION_OR_LABEL}(?:/(?P<metadata>metadata))?", re.IGNORECASE | re.ASCII
)
_MOST_VERSION = 2**63 - 1


@dataclass(frozen=True)
class RestQuestion:
    """One of the calls of the REST API.

    Attributes:
        method: "predict", "classify", "regress", "metadata", "status" or "list".
        spec: the model, and its version or label where the URL has one.
    """

    method: str
    spec: model_pb2.ModelSpec


def question_of(http_method: str, path: str) -> RestQuestion:
    """The call that an HTTP method and a path, as it was sent, stand for.

    Raises:
        StatusError: INVALID_ARGUMENT, if they stand for none.

    >>> question_of("POST", "/v1/models/lstm/versions/3:predict").spec.version.value
    3
    >>> question_of("GET", "/V1/Models/lstm/metadata").method
    'metadata'
    """
    pattern = {"POST": _PREDICTION, "GET": _STATUS}.get(http_method)
    found = pattern.fullmatch(path) if pattern is not None else None
    if found is None:
        raise StatusError(Code.INVALID_ARGUMENT, f"Malformed request: {http_method} {path}")
    spec = model_pb2.ModelSpec(name=unquote(found["model"] or ""))
    if found["version"]:
        version = int(found["version"]) if len(found["version"]) < 100 else _MOST_VERSION + 1
        if version > _MOST_VERSION:
            raise StatusError(Code.INVALID_ARGUMENT, f"Failed to convert version: {found['version']} to numeric.")
        spec.version.value = version
    if found["label"]:
        spec.version_label = unquote(found["label"])
    if http_method == "POST":
        method = found["method"]
        # The pattern takes any case, what is behind it does not.
        if method != method.lower():
            raise StatusError(Code.INVALID_ARGUMENT, f"Malformed request: {http_method} {path}")
        return RestQuestion(method, spec)
    if not found["model"]:
        if path.lower() != "/v1/models":
            raise StatusError(Code.INVALID_ARGUMENT, "Missing model name in request.")
        return RestQuestion("list", spec)
    return RestQuestion("metadata" if found["metadata"] == "metadata" else "status", spec)
