"""Protobuf message classes from a few lines of proto3 text, without `protoc` and without TensorFlow.

The message classes that TensorFlow's packages carry are the same on the wire, but importing one of them imports all
of TensorFlow, seconds of waiting for a client that only sends text.
"""

import re

from google.protobuf import message_factory
from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import Message

__all__ = ["declare", "described"]

_MESSAGE = re.compile(r"message (\w+) \{(.*?)\}", re.DOTALL)
_FIELD = re.compile(r"(repeated )?(?:map<string, (\w+)>|(\w+)) (\w+) = (\d+);")
_OPTIONAL, _REPEATED = FieldDescriptorProto.LABEL_OPTIONAL, FieldDescriptorProto.LABEL_REPEATED
_SCALARS = {
    "bool": FieldDescriptorProto.TYPE_BOOL,
    "bytes": FieldDescriptorProto.TYPE_BYTES,
    "double": FieldDescriptorProto.TYPE_DOUBLE,
    "float": FieldDescriptorProto.TYPE_FLOAT,
    "int32": FieldDescriptorProto.TYPE_INT32,
    "int64": FieldDescriptorProto.TYPE_INT64,
    "string": FieldDescriptorProto.TYPE_STRING,
    "uint32": FieldDescriptorProto.TYPE_UINT32,
    "uint64": FieldDescriptorProto.TYPE_UINT64,
}


def declare(proto: str, package: str = "declared") -> dict[str, type[Message]]:
    """Message classes by name, from a flat subset of proto3.

    Args:
        proto: messages of scalar, message, `repeated` and `map<string, ...>` fields; no nesting, no enums (an `int32`
            is the same on the wire) and no oneofs.
        package: the names' first part, which is what messages about them, such as text_format's, call them by.

    Returns:
        One class for each message. They live in a pool of their own, so they never clash with TensorFlow's.

    >>> messages = declare("message Point { repeated double at = 1; string name = 2; }")
    >>> point = messages["Point"](at=[1.5, 2.0], name="here")
    >>> messages["Point"].FromString(point.SerializeToString()).name
    'here'
    """
    file = described(proto, package)
    pool = DescriptorPool()
    pool.Add(file)
    return {
        message.name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{package}.{message.name}"))
        for message in file.message_type
    }


def described(proto: str, package: str = "declared") -> FileDescriptorProto:
    """The same, as protobuf's own description of a file.

    >>> [field.name for field in described("message Point { double x = 1; double y = 2; }").message_type[0].field]
    ['x', 'y']
    """
    file = FileDescriptorProto(name="declared.proto", package=package, syntax="proto3")
    for name, body in _MESSAGE.findall(proto):
        message = file.message_type.add(name=name)
        for repeated, mapped, kind, field_name, number in _FIELD.findall(body):
            field = message.field.add(name=field_name, number=int(number))
            field.label = _REPEATED if repeated or mapped else _OPTIONAL
            if mapped:
                # proto3 spells a map as repeated entries of a nested message with this name and these two fields.
                entry = message.nested_type.add(name=f"{field_name.title().replace('_', '')}Entry")
                entry.options.map_entry = True
                _set_type(entry.field.add(name="key", number=1, label=_OPTIONAL), "string", package)
                _set_type(entry.field.add(name="value", number=2, label=_OPTIONAL), mapped, package)
                _set_type(field, f"{name}.{entry.name}", package)
            else:
                _set_type(field, kind, package)
    return file


def _set_type(field: FieldDescriptorProto, kind: str, package: str) -> None:
    if kind in _SCALARS:
        field.type = _SCALARS[kind]
    else:
        field.type = FieldDescriptorProto.TYPE_MESSAGE
        field.type_name = f".{package}.{kind}"
