"""Classify, Regress and MultiInference through the stock stubs, of models as both TensorFlows write them."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
import tensorflow as tf
from example_models import CLASSIFY, LABELS, REGRESS, TensorFlow2, save_tensorflow_1
from tensorflow_serving.apis import (
    classification_pb2,
    inference_pb2,
    input_pb2,
    predict_pb2,
    prediction_service_pb2_grpc,
    regression_pb2,
)

from rnnzoo.serving.server.process import Server, make_server
from rnnzoo.serving.server.repository.repository import Repository
from rnnzoo.serving.server.settings import ServerSettings

Stub = prediction_service_pb2_grpc.PredictionServiceStub


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("examples")
    save_tensorflow_1(folder / "one" / "1")
    module = TensorFlow2()
    tf.saved_model.save(
        module,
        str(folder / "two" / "7"),
        signatures={"classify": module.classify, "regress": module.regress, "numbers": module.numbers},
    )
    return {"one": folder / "one", "two": folder / "two"}


@pytest.fixture(scope="module")
def server(models: dict[str, Path]) -> Iterator[Server]:
    server = make_server(models, port=0, poll_seconds=0)
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def stub(server: Server) -> Iterator[Stub]:
    with grpc.insecure_channel(server.address) as channel:
        yield Stub(channel)


def example(**features: float) -> tf.train.Example:
    return tf.train.Example(
        features=tf.train.Features(
            feature={
                name: tf.train.Feature(float_list=tf.train.FloatList(value=[value])) for name, value in features.items()
            }
        )
    )


def examples(*xs: float) -> input_pb2.Input:
    return input_pb2.Input(example_list=input_pb2.ExampleList(examples=[example(x=x) for x in xs]))


def classification(signature: str = "", given: input_pb2.Input | None = None, model: str = "one") -> Any:
    return classification_pb2.ClassificationRequest(
        model_spec={"name": model, "signature_name": signature}, input=given or examples(2.0, 4.0)
    )


def regression(signature: str = "regress", given: input_pb2.Input | None = None, model: str = "one") -> Any:
    return regression_pb2.RegressionRequest(
        model_spec={"name": model, "signature_name": signature}, input=given or examples(2.0, 4.0)
    )


def multi(*tasks: tuple[str, str], model: str = "one", given: input_pb2.Input | None = None) -> Any:
    return inference_pb2.MultiInferenceRequest(
        tasks=[
            {"model_spec": {"name": model, "signature_name": name}, "method_name": method} for name, method in tasks
        ],
        input=given or examples(2.0, 4.0),
    )


def refusal(call: Callable[..., object], request: object) -> tuple[grpc.StatusCode, str]:
    with pytest.raises(grpc.RpcError) as caught:
        call(request, timeout=20)
    return caught.value.code(), caught.value.details()


def table(result: classification_pb2.ClassificationResult) -> list[list[tuple[str, float]]]:
    return [[(answer.label, answer.score) for answer in row.classes] for row in result.classifications]


def test_classify(stub: Stub) -> None:
    answer = stub.Classify(classification(), timeout=20)

    assert [
        [("no", 1.0), ("ja", 2.0), ("да", 3.0)],
        [("no", 2.0), ("ja", 4.0), ("да", 6.0)],
    ] == table(answer.result)
    spec = answer.model_spec
    assert ("one", 1, "serving_default") == (spec.name, spec.version.value, spec.signature_name)


def test_classify_with_one_output(stub: Stub) -> None:
    scores = stub.Classify(classification("scores_only", examples(2.0)), timeout=20)
    classes = stub.Classify(classification("classes_only", examples(2.0)), timeout=20)

    assert [[("", 1.0), ("", 2.0), ("", 3.0)]] == table(scores.result)
    assert [[("no", 0.0), ("ja", 0.0), ("да", 0.0)]] == table(classes.result)


@pytest.mark.parametrize("signature", ["regress", "regress_flat"])
def test_regress(stub: Stub, signature: str) -> None:
    answer = stub.Regress(regression(signature), timeout=20)

    assert [1.0, 2.0] == [row.value for row in answer.result.regressions]
    assert signature == answer.model_spec.signature_name


def test_a_context_is_part_of_every_example(stub: Stub) -> None:
    given = input_pb2.Input()
    given.example_list_with_context.context.CopyFrom(example(bias=10.0))
    given.example_list_with_context.examples.extend([example(x=2.0), example(x=4.0, bias=0.5)])

    answer = stub.Regress(regression(given=given), timeout=20)

    assert [11.0, 2.5] == [row.value for row in answer.result.regressions]


def test_multi_inference(stub: Stub) -> None:
    answer = stub.MultiInference(multi(("", CLASSIFY), ("regress", REGRESS)), timeout=20)

    first, second = answer.results
    assert [("no", 1.0), ("ja", 2.0), ("да", 3.0)] == table(first.classification_result)[0]
    assert [1.0, 2.0] == [row.value for row in second.regression_result.regressions]
    assert ["serving_default", "regress"] == [result.model_spec.signature_name for result in answer.results]
    assert 1 == second.model_spec.version.value


def test_models_of_tensorflow_2_whose_signatures_have_no_such_method(stub: Stub) -> None:
    answer = stub.Classify(classification("classify", model="two"), timeout=20)

    assert [[("up", 2.0), ("down", -2.0)], [("up", 4.0), ("down", -4.0)]] == table(answer.result)
    assert [3.0, 5.0] == [
        row.value for row in stub.Regress(regression("regress", model="two"), timeout=20).result.regressions
    ]


def test_the_same_signatures_answer_predict_in_typed_lists(stub: Stub) -> None:
    request = predict_pb2.PredictRequest(model_spec={"name": "one"})
    request.inputs["inputs"].CopyFrom(tf.make_tensor_proto([example(x=2.0).SerializeToString()]))

    answer = stub.Predict(request, timeout=20)

    assert [1.0, 2.0, 3.0] == list(answer.outputs["scores"].float_val)
    assert LABELS == list(answer.outputs["classes"].string_val)
    assert b"" == answer.outputs["scores"].tensor_content


@pytest.mark.parametrize(
    ("call", "request_"),
    [
        ("Classify", classification()),
        ("Regress", regression()),
        ("MultiInference", multi(("", CLASSIFY), ("regress", REGRESS))),
    ],
)
def test_runs_are_counted_and_timed(
    server: Server, stub: Stub, call: str, request_: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[Any] = []
    monkeypatch.setattr(server.core.metrics, "batch", lambda *run: told.append(run))
    monkeypatch.setattr(server.core.observer, "finish", lambda record, *_: told.append(record))

    getattr(stub, call)(request_, timeout=20)

    run, record = told
    assert ("one", 2, record.compute) == run
    assert 2 == record.rows
    assert 0 < min(record.parse, record.queue, record.compute, record.reply)


@pytest.mark.parametrize(
    ("call", "request_", "code", "message"),
    [
        ("Classify", classification("S"), "INVALID_ARGUMENT", "No signature was found with the name: S"),
        ("Regress", regression("S"), "INVALID_ARGUMENT", "No signature was found with the name: S"),
        ("Classify", classification_pb2.ClassificationRequest(), "INVALID_ARGUMENT", "Missing ModelSpec"),
        ("Regress", regression_pb2.RegressionRequest(), "INVALID_ARGUMENT", "Missing ModelSpec"),
        (
            "Classify",
            classification(model="M"),
            "NOT_FOUND",
            "Servable not found for request: Latest(M)",
        ),
        ("Classify", classification("", input_pb2.Input(example_list={})), "INVALID_ARGUMENT", "Input is empty."),
        ("Regress", regression("", input_pb2.Input()), "INVALID_ARGUMENT", "Expected one output Tensor."),
        ("Regress", regression("regress", input_pb2.Input(example_list={})), "INVALID_ARGUMENT", "Input is empty."),
        ("Classify", classification("three"), "INVALID_ARGUMENT", "Expected one or two output Tensors, found 3"),
        (
            "Classify",
            classification("neither"),
            "FAILED_PRECONDITION",
            'Expected classification signature outputs to contain at least one of "classes" or "scores". '
            "Signature was: ",
        ),
        (
            "Classify",
            classification("predict"),
            "FAILED_PRECONDITION",
            "No classification inputs found in SignatureDef: ",
        ),
        ("Regress", regression("predict"), "FAILED_PRECONDITION", "No regression inputs found in SignatureDef: "),
        ("Regress", regression("scores_only"), "FAILED_PRECONDITION", "No regression outputs found in SignatureDef: "),
        (
            "Classify",
            classification("flat_scores"),
            "INVALID_ARGUMENT",
            "Expected Tensor shape: [batch_size num_classes] but got [2]",
        ),
        (
            "Classify",
            classification("number_classes"),
            "INVALID_ARGUMENT",
            "Expected classes Tensor of DT_STRING. Got: DT_FLOAT",
        ),
        (
            "Classify",
            classification("one_row"),
            "INVALID_ARGUMENT",
            "Expected scores output batch size of 2. Got: 1",
        ),
        (
            "Classify",
            classification("unequal"),
            "INVALID_ARGUMENT",
            "Tensors class and score should match in dim_size(1). Got 3 vs. 2",
        ),
        (
            "Regress",
            regression("wide"),
            "INVALID_ARGUMENT",
            "Expected output Tensor shape to be either [batch_size] or [batch_size, 1] but got [2,3]",
        ),
        (
            "Regress",
            regression("doubles"),
            "INVALID_ARGUMENT",
            "Expected output Tensor of DT_FLOAT.  Got: DT_DOUBLE",
        ),
        (
            "Regress",
            regression("short"),
            "INVALID_ARGUMENT",
            "Input batch size did not match output batch size: 2 vs. 1",
        ),
        (
            "Regress",
            regression("numbers", model="two"),
            "INVALID_ARGUMENT",
            "Expects arg[0] to be float but string is provided",
        ),
        ("MultiInference", multi(), "INVALID_ARGUMENT", "ModelSpec has no name specified."),
        (
            "MultiInference",
            multi(("S", CLASSIFY)),
            "INVALID_ARGUMENT",
            "Requested signature not found in model graph: S",
        ),
        (
            "MultiInference",
            multi(("", CLASSIFY), ("serving_default", CLASSIFY)),
            "INVALID_ARGUMENT",
            "Duplicate evaluation of signature: serving_default",
        ),
        (
            "MultiInference",
            multi(("predict", "tensorflow/serving/predict")),
            "UNIMPLEMENTED",
            "Unsupported signature method_name: tensorflow/serving/predict",
        ),
        (
            "MultiInference",
            multi(("regress", REGRESS), ("other_input", REGRESS)),
            "INVALID_ARGUMENT",
            "Input tensor must be the same for all Signatures.",
        ),
        (
            "MultiInference",
            inference_pb2.MultiInferenceRequest(
                tasks=[
                    {"model_spec": {"name": "one"}, "method_name": CLASSIFY},
                    {"model_spec": {"name": "two"}, "method_name": CLASSIFY},
                ]
            ),
            "INVALID_ARGUMENT",
            "All ModelSpecs in a MultiInferenceRequest must access the same model name.",
        ),
        (
            "MultiInference",
            inference_pb2.MultiInferenceRequest(
                tasks=[{"model_spec": {"name": "one"}, "method_name": CLASSIFY}, {"method_name": CLASSIFY}]
            ),
            "INVALID_ARGUMENT",
            "Found ModelSpec with an empty model name.",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_refusals(stub: Stub, call: str, request_: object, code: str, message: str) -> None:
    status, details = refusal(getattr(stub, call), request_)

    assert code == status.name
    assert details.startswith(message)


def test_examples_that_the_model_cannot_read(stub: Stub) -> None:
    given = input_pb2.Input(example_list=input_pb2.ExampleList(examples=[example(z=1.0)]))

    code, message = refusal(stub.Classify, classification(given=given))

    assert grpc.StatusCode.INVALID_ARGUMENT == code
    assert "Feature: x (data type: float) is required but could not be found." in message


def test_method_names_are_checked_where_that_is_asked_for(models: dict[str, Path]) -> None:
    server = Server(Repository(models, check_method_names=True), ServerSettings(port=0, poll_seconds=0))
    server.start()
    try:
        with grpc.insecure_channel(server.address) as channel:
            stub = Stub(channel)
            for call, request, what, method in (
                (stub.Classify, classification("classify", model="two"), "classification", CLASSIFY),
                (stub.Regress, regression("regress", model="two"), "regression", REGRESS),
                (stub.MultiInference, multi(("regress", REGRESS), model="two"), "regression", REGRESS),
            ):
                _, details = refusal(call, request)
                assert (
                    f"Expected {what} signature method_name to be {method}. Was: tensorflow/serving/predict" == details
                )
    finally:
        server.stop()
