"""URLs of the REST API. The examples are those of TensorFlow Serving's http_rest_api_util_test.cc."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnzoo.serving.server.rest.urls import RestQuestion, question_of
from rnnzoo.serving.server.status import Code, StatusError


@pytest.mark.parametrize(
    ("http_method", "path", "method", "name", "version", "label"),
    [
        ("POST", "/v1/models/foo:predict", "predict", "foo", None, None),
        ("POST", "/v1/models/foo/versions/50:classify", "classify", "foo", 50, None),
        ("POST", "/v1/models/foo/labels/some_label:regress", "regress", "foo", None, "some_label"),
        ("POST", "/v1/models/foo%20bar%2Fx:predict", "predict", "foo bar/x", None, None),
        ("POST", "/v1/models/foo/labels/a%20b:predict", "predict", "foo", None, "a b"),
        ("POST", "/V1/MODELS/foo/VERSIONS/007:predict", "predict", "foo", 7, None),
        ("GET", "/v1/models/foo", "status", "foo", None, None),
        ("GET", "/v1/models/foo/versions/50", "status", "foo", 50, None),
        ("GET", "/v1/models/foo/labels/l", "status", "foo", None, "l"),
        ("GET", "/v1/models/foo/metadata", "metadata", "foo", None, None),
        ("GET", "/v1/models/foo/versions/50/metadata", "metadata", "foo", 50, None),
        ("GET", "/v1/models/foo/labels/l/metadata", "metadata", "foo", None, "l"),
        ("GET", "/v1/models", "list", "", None, None),
    ],
)
def test_urls(http_method: str, path: str, method: str, name: str, version: int | None, label: str | None) -> None:
    question = question_of(http_method, path)

    assert (method, name) == (question.method, question.spec.name)
    assert version == (question.spec.version.value if question.spec.HasField("version") else None)
    assert label == (question.spec.version_label if question.spec.HasField("version_label") else None)


@pytest.mark.parametrize(
    ("http_method", "path"),
    [
        ("POST", "/v1/models/foo:PREDICT"),
        ("POST", "/v1/models/foo/versions/50/labels/l:predict"),
        ("POST", "/v1/models/foo/versions/x:predict"),
        ("POST", "/v1/models/foo/versions/٣:predict"),  # a digit, but not one of ASCII
        ("POST", "/v1/models/:predict"),
        ("POST", "/v1/models/foo/metadata"),
        ("GET", "/v1/models/foo/"),
        ("GET", "/v1/models/foo/bar/baz"),
        ("DELETE", "/v1/models/foo"),
    ],
)
def test_malformed_urls(http_method: str, path: str) -> None:
    with pytest.raises(StatusError) as caught:
        question_of(http_method, path)
    assert (Code.INVALID_ARGUMENT, f"Malformed request: {http_method} {path}") == (
        caught.value.code,
        caught.value.message,
    )


@pytest.mark.parametrize("path", ["/v1/models/versions/3", "/v1/models/versions/3/metadata", "/v1/models/labels/l"])
def test_a_version_without_a_model_misses_its_name(path: str) -> None:
    with pytest.raises(StatusError, match="Missing model name in request"):
        question_of("GET", path)


PARTS = st.sampled_from(["/v1", "/models", "/versions/", "/labels/", "9" * 30, "x", ":predict", "%zz", "%ff", "/", ":"])


@given(st.sampled_from(["GET", "POST", "PUT", "?"]), st.lists(PARTS | st.text(max_size=3), max_size=8).map("".join))
def test_any_path_is_a_question_or_refused(http_method: str, path: str) -> None:
    try:
        assert isinstance(question_of(http_method, path), RestQuestion)
    except StatusError as error:
        refusal = error
        assert Code.INVALID_ARGUMENT == refusal.code
