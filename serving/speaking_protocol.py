"""The streaming service, which TensorFlow Serving has none of: `rnnzoo.serving.Speaker`, one server-streaming method.

The text below is proto3; with `package rnnzoo.serving` and
`service Speaker { rpc Generate (GenerateRequest) returns (stream GeneratedWord); }` it makes stubs for any language.
"""

from typing import Any

from google.protobuf.descriptor_pb2 import FileDescriptorProto

from rnnzoo.serving.wire import declare, described

__all__ = ["METHOD", "SERVICE", "speaking_file", "speaking_messages"]

SERVICE, METHOD = "rnnzoo.serving.Speaker", "Generate"

# A control that is not there means what it means to the signature `generate`: hence the wrapped values.
_PROTO = """
message Int64Value { int64 value = 1; }
message FloatValue { float value = 1; }
message ModelSpec { string name = 1; Int64Value version = 2; string version_label = 4; }
message GenerateRequest {
    ModelSpec model_spec = 1;
    string text = 2;
    int32 max_words = 3;
    FloatValue temperature = 4;
    int32 top_k = 5;
    FloatValue top_p = 6;
    int32 seed = 7;
}
message GeneratedWord { string text = 1; string word = 2; }
"""

# The classes are made at run time: to a type checker their instances are Any.
speaking_messages: dict[str, Any] = dict(declare(_PROTO))


def speaking_file() -> FileDescriptorProto:
    """The messages and the service, for tools that ask a server what it speaks."""
    package, _, name = SERVICE.rpartition(".")
    file = described(_PROTO, package)
    file.name = "rnnzoo/serving/speaker.proto"
    file.service.add(name=name).method.add(
        name=METHOD,
        input_type=f".{package}.GenerateRequest",
        output_type=f".{package}.GeneratedWord",
        server_streaming=True,
    )
    return file
