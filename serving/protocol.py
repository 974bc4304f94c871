"""The part of TensorFlow Serving's gRPC protocol that the client speaks, as messages that need no TensorFlow.

Field names and numbers are those of tensorflow_serving/apis/{model,predict,get_model_metadata}.proto and of
tensorflow/core/framework/tensor.proto and tensorflow/core/protobuf/meta_graph.proto.
"""

from typing import Any

from rnnzoo.serving.wire import declare

__all__ = ["messages"]

_PROTO = """
message Int64Value { int64 value = 1; }
message Any { string type_url = 1; bytes value = 2; }
message Dim { int64 size = 1; string name = 2; }
message TensorShapeProto { repeated Dim dim = 2; bool unknown_rank = 3; }
message TensorProto {
    int32 dtype = 1;
    TensorShapeProto tensor_shape = 2;
    bytes tensor_content = 4;
    repeated float float_val = 5;
    repeated double double_val = 6;
    repeated int32 int_val = 7;
    repeated bytes string_val = 8;
    repeated float scomplex_val = 9;
    repeated int64 int64_val = 10;
    repeated bool bool_val = 11;
    repeated double dcomplex_val = 12;
    repeated int32 half_val = 13;
    repeated uint32 uint32_val = 16;
    repeated uint64 uint64_val = 17;
}
message TensorInfo { string name = 1; int32 dtype = 2; TensorShapeProto tensor_shape = 3; }
message SignatureDef {
    map<string, TensorInfo> inputs = 1;
    map<string, TensorInfo> outputs = 2;
    string method_name = 3;
    map<string, TensorProto> defaults = 4;
}
message SignatureDefMap { map<string, SignatureDef> signature_def = 1; }
message ModelSpec { string name = 1; Int64Value version = 2; string signature_name = 3; string version_label = 4; }
message PredictRequest {
    ModelSpec model_spec = 1;
    map<string, TensorProto> inputs = 2;
    repeated string output_filter = 3;
}
message PredictResponse { map<string, TensorProto> outputs = 1; ModelSpec model_spec = 2; }
message GetModelMetadataRequest { ModelSpec model_spec = 1; repeated string metadata_field = 2; }
message GetModelMetadataResponse { ModelSpec model_spec = 1; map<string, Any> metadata = 2; }
"""

# The classes are made at run time: to a type checker their instances are Any.
messages: dict[str, Any] = dict(declare(_PROTO))
