"""A request's JSON, read with RapidJSON's strictness and in its words: TensorFlow Serving's clients know them."""

import base64
import json
import re
from itertools import islice
from typing import Any

import numpy as np

from rnnzoo.serving.server.rest.json_numbers import decimal_text
from rnnzoo.serving.server.status import Code, StatusError

__all__ = ["decode_base64_object", "echo", "is_base64_object", "json_type", "object_of"]

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_MOST_ECHOED = 1024  # characters of a refused value; TensorFlow Serving sends all of it back
_MOST_FLOAT = 3.4028234e38  # RapidJSON's own bound of what it prints as a float
_NESTED_TOO_DEEPLY = "JSON Parse error: Values are nested too deeply."
_STRING_OR_BRACKET = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{}]', re.DOTALL)
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|.)", re.DOTALL)
_HUGE_NUMBER = re.compile(r"[eE]\+?\d{3}")  # may be beyond a double
_SHORT_INFINITY = re.compile(r'("(?:[^"\\]|\\.)*")|\bInf\b', re.DOTALL)
_BASE64_SPACE = re.compile(r"[ \t\n\v\f\r]")


def object_of(body: bytes) -> dict[str, Any]:
    """The JSON object of a body; numbers as int or float, `NaN`, `Infinity` and `-Infinity` among them.

    Of members with the same name, the first one counts.

    Raises:
        StatusError: INVALID_ARGUMENT, if it is no JSON object in UTF-8. RapidJSON lets broken UTF-8 pass: here it is
            refused, as binary data has `{"b64": …}`.

    >>> object_of(b'{"instances": [1, 2.5]}')
    {'instances': [1, 2.5]}
    >>> object_of(b'')
    Traceback (most recent call last):
        ...
    rnnzoo.serving.server.status.StatusError: JSON Parse error: The document is empty
    """
    if not body:
        raise StatusError(Code.INVALID_ARGUMENT, "JSON Parse error: The document is empty")
    body = body.removeprefix(_BYTE_ORDER_MARK)
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        raise _parse_error("Invalid encoding in string.", error.start) from error
    try:
        document = _parsed(text)
    except json.JSONDecodeError as error:
        words, position = _translated(error.msg, text, error.pos)
        raise _parse_error(words, len(text[:position].encode())) from error
    except RecursionError as error:
        raise StatusError(Code.INVALID_ARGUMENT, _NESTED_TOO_DEEPLY) from error
    except ValueError as error:  # more digits than Python converts
        raise StatusError(Code.INVALID_ARGUMENT, "JSON Parse error: Number too big to be stored in double.") from error
    _check_surrogates(text)
    if type(document) is not dict:
        raise StatusError(Code.INVALID_ARGUMENT, f"JSON Value: {echo(document)} Is not object")
    return document


def echo(value: Any) -> str:
    """A refused value as an error repeats it: indented by four, and cut where it is long."""
    if type(value) is float:
        return decimal_text(np.float32(value) if abs(value) <= _MOST_FLOAT else np.float64(value))
    try:
        chunks = json.JSONEncoder(ensure_ascii=False, indent=4).iterencode(value)
        text = "".join(islice(chunks, _MOST_ECHOED))  # a chunk is one character at least
    except RecursionError:
        raise StatusError(Code.INVALID_ARGUMENT, _NESTED_TOO_DEEPLY) from None
    return text if len(text) <= _MOST_ECHOED else text[:_MOST_ECHOED] + "...TRUNCATED"


def json_type(value: Any) -> str:
    """RapidJSON's name for a value's type.

    >>> [json_type(value) for value in (None, True, False, {}, [], "", 1, 1.5)]
    ['Null', 'True', 'False', 'Object', 'Array', 'String', 'Number', 'Number']
    """
    if value is None or type(value) is bool:
        return {None: "Null", True: "True", False: "False"}[value]
    names: dict[type, str] = {dict: "Object", list: "Array", str: "String"}
    return names.get(type(value), "Number")


def is_base64_object(value: Any) -> bool:
    """Whether a value is `{"b64": "…"}`, with no other key."""
    return type(value) is dict and len(value) == 1 and type(value.get("b64")) is str


def decode_base64_object(value: Any) -> bytes:
    """The bytes in `{"b64": "…"}`.

    Raises:
        StatusError: if it is no such object, or its text is not base64.

    >>> decode_base64_object({"b64": "aGVsbG8="})
    b'hello'
    """
    if not is_base64_object(value):
        raise StatusError(Code.INVALID_ARGUMENT, f"JSON Value: {echo(value)} not formatted correctly for base64 data")
    # As Abseil reads it: spaces are skipped, the padding is optional, but right where it is given.
    text = _BASE64_SPACE.sub("", value["b64"])
    digits = text.rstrip("=")
    missing = -len(digits) % 4
    if missing == 3 or len(text) - len(digits) not in (0, missing):
        raise StatusError(Code.INVALID_ARGUMENT, "Unable to base64 decode")
    try:
        return base64.b64decode(digits + "=" * missing, validate=True)
    except ValueError as error:
        raise StatusError(Code.INVALID_ARGUMENT, "Unable to base64 decode") from error


def _parsed(text: str) -> Any:
    parse_float = _finite if _HUGE_NUMBER.search(text) else None
    try:
        return json.loads(text, parse_float=parse_float, object_pairs_hook=_first_of_each)
    except json.JSONDecodeError as error:
        # RapidJSON, and whoever writes with it, knows "Inf" as well.
        if not text.startswith(("Inf", "-Inf"), error.pos):
            raise
        text = _SHORT_INFINITY.sub(lambda found: found[1] or "Infinity", text)
        return json.loads(text, parse_float=parse_float, object_pairs_hook=_first_of_each)


def _first_of_each(members: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(members)
    if len(found) < len(members):  # where Python's parser takes the last one of a name, RapidJSON finds the first
        found.update(reversed(members))
    return found


def _finite(digits: str) -> float:
    value = float(digits)
    if value in (float("inf"), float("-inf")):
        raise ValueError("a number must be within the range of a double.")
    return value


def _parse_error(words: str, offset: int) -> StatusError:
    return StatusError(Code.INVALID_ARGUMENT, f"JSON Parse error: {words} at offset: {offset}")


def _translated(message: str, text: str, position: int) -> tuple[str, int]:
    # Python's parser stops where RapidJSON's does, but for the middle of a word, a number or an escape.
    if message.startswith("Illegal trailing comma"):  # from Python 3.13 on
        position += 1 + len(text[position + 1 :]) - len(text[position + 1 :].lstrip())
        message = "Expecting value" if text[position] == "]" else "Expecting property name"
    if message.startswith("Expecting value"):
        return _bad_value(text, position)
    if message.startswith(("Extra data", "Expecting ',' delimiter")) and text[position - 1].isdigit():
        if text[position : position + 1] == ".":
            return "Miss fraction part in number.", position + 1
        if text[position : position + 1] in ("e", "E"):
            return "Miss exponent in number.", position + 1 + (text[position + 1 : position + 2] in ("+", "-"))
    if message.startswith("Expecting ',' delimiter"):
        closing, kind = ("]", "array element") if _in_array(text[:position]) else ("}", "object member")
        return f"Missing a comma or {closing} after an {kind}.", position
    return {
        "Extra data": ("The document root must not be followed by other values.", position),
        "Expecting ':' delimiter": ("Missing a colon after a name of object member.", position),
        "Unterminated string starting at": ("Missing a closing quotation mark in string.", len(text)),
        "Invalid control character at": ("Invalid encoding in string.", position),
        "Invalid \\escape": ("Invalid escape character in string.", position),
        "Invalid \\uXXXX escape": ("Incorrect hex digit after \\u escape in string.", position - 1),
    }.get(message, ("Missing a name for object member.", position))


def _bad_value(text: str, position: int) -> tuple[str, int]:
    if not text.strip():
        return "The document is empty.", position
    for word in ("null", "true", "false", "NaN", "-Infinity", "Infinity"):
        length = next((size for size in range(len(word), 0, -1) if text.startswith(word[:size], position)), 0)
        if length:
            return "Invalid value.", position + length
    return "Invalid value.", position


def _in_array(beginning: str) -> bool:
    brackets: list[str] = []
    for found in _STRING_OR_BRACKET.findall(beginning):
        if found in "[{":
            brackets.append(found)
        elif found in "]}":
            brackets.pop()
    return brackets[-1] == "["


def _check_surrogates(text: str) -> None:
    # Python keeps halves of surrogate pairs, which no UTF-8 can hold.
    if not _SURROGATE.search(text):
        return
    high_at, high_end = -1, -1
    for escape in _ESCAPE.finditer(text):
        code = int(escape[1], 16) if escape[1] else 0
        pairs = high_end == escape.start()
        if (high_at >= 0 and not (pairs and 0xDC00 <= code <= 0xDFFF)) or (high_at < 0 and 0xDC00 <= code <= 0xDFFF):
            raise _surrogate_error(text, high_at if high_at >= 0 else escape.start())
        high_at, high_end = (escape.start(), escape.end()) if 0xD800 <= code <= 0xDBFF else (-1, -1)
    if high_at >= 0:
        raise _surrogate_error(text, high_at)


def _surrogate_error(text: str, position: int) -> StatusError:
    return _parse_error("The surrogate pair in string is invalid.", len(text[:position].encode()))
