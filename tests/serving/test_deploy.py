"""The files for clusters: the published schemas accept them, the flags exist, the parts fit together."""

import re
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

import rnnzoo.serving
from rnnzoo.serving.server.stock.flags import FLAGS
from rnnzoo.serving.server.stock.text_protos import read_batching_parameters, read_monitoring

DEPLOY = Path(rnnzoo.serving.__file__).parent / "deploy"
KUBERNETES: list[dict[str, Any]] = list(yaml.safe_load_all((DEPLOY / "kubernetes.yaml").read_text()))
BY_KIND = {document["kind"]: document for document in KUBERNETES}
COPY = yaml.safe_load((DEPLOY / "copy.yaml").read_text())
COMPOSE = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]["model-server"]
CONTAINER = BY_KIND["Deployment"]["spec"]["template"]["spec"]["containers"][0]


@pytest.mark.parametrize("document", [*KUBERNETES, COPY], ids=lambda document: document["kind"])
@pytest.mark.parametrize("version", ["1.31", kubernetes_validate.latest_version()])
def test_kubernetes_objects_follow_their_schemas(document: dict[str, Any], version: str) -> None:
    kubernetes_validate.validate(document, version, strict=True)


def test_a_wrong_object_would_be_found() -> None:
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(
            {**BY_KIND["Service"], "specs": {}}, kubernetes_validate.latest_version(), strict=True
        )


def test_the_parts_of_the_deployment_fit_together() -> None:
    template = BY_KIND["Deployment"]["spec"]["template"]
    labels = template["metadata"]["labels"]
    assert labels == BY_KIND["Deployment"]["spec"]["selector"]["matchLabels"]
    assert labels == BY_KIND["Service"]["spec"]["selector"]
    assert labels == BY_KIND["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"]
    assert (
        BY_KIND["HorizontalPodAutoscaler"]["spec"]["scaleTargetRef"]["name"]
        == (BY_KIND["Deployment"]["metadata"]["name"])
    )
    assert "replicas" not in BY_KIND["Deployment"]["spec"]  # each apply would undo what the autoscaler has done
    volumes = {volume["name"]: volume for volume in template["spec"]["volumes"]}
    assert volumes.keys() == {mount["name"] for mount in CONTAINER["volumeMounts"]}
    claim = volumes["models"]["persistentVolumeClaim"]["claimName"]
    assert claim == BY_KIND["PersistentVolumeClaim"]["metadata"]["name"]
    assert volumes["config"]["configMap"]["name"] == BY_KIND["ConfigMap"]["metadata"]["name"]
    ports = {port["name"] for port in CONTAINER["ports"]}
    assert {port["targetPort"] for port in BY_KIND["Service"]["spec"]["ports"]} <= ports
    sleep = int(CONTAINER["lifecycle"]["preStop"]["exec"]["command"][1])
    assert sleep < template["spec"]["terminationGracePeriodSeconds"]


def test_every_flag_is_one_of_tensorflow_serving() -> None:
    known = {flag.name for flag in FLAGS}
    for argument in (*COMPOSE["command"], *CONTAINER["args"]):
        match = re.fullmatch(r"--(\w+)=.+", argument)
        assert match is not None
        assert match[1] in known


def test_configuration_files_are_mounted_and_read() -> None:
    data = BY_KIND["ConfigMap"]["data"]
    for name, text in data.items():
        assert (DEPLOY / name).read_text() == text
        assert f"/config/{name}" in "".join((*COMPOSE["command"], *CONTAINER["args"]))
        assert f"/config/{name}" in {volume["target"] for volume in COMPOSE["volumes"]}
    assert 64 == read_batching_parameters(DEPLOY / "batching_parameters.txt").max_batch_size
    monitoring = read_monitoring(DEPLOY / "monitoring.txt")
    annotations = BY_KIND["Deployment"]["spec"]["template"]["metadata"]["annotations"]
    assert annotations["prometheus.io/path"] in repr(monitoring)


def test_compose_has_what_it_needs() -> None:
    assert COMPOSE["image"].startswith("tensorflow/serving:")
    assert {"8500:8500", "8501:8501"} == set(COMPOSE["ports"])
    (models,) = (volume for volume in COMPOSE["volumes"] if volume["target"].startswith("/models/"))
    assert f"/models/{COMPOSE['environment']['MODEL_NAME']}" == models["target"]
    for volume in COMPOSE["volumes"]:
        assert {"type", "source", "target", "read_only"} == volume.keys()
        assert volume["source"].startswith(("${EXPORTS", "./"))
        if volume["source"].startswith("./"):
            assert (DEPLOY / volume["source"]).is_file()
    assert {"test", "interval", "timeout", "retries", "start_period"} == COMPOSE["healthcheck"].keys()


def test_the_command_in_compose_is_that_of_the_page() -> None:
    page, file = ((DEPLOY / name).read_text() for name in ("README.md", "compose.yaml"))
    command = re.compile(r"EXPORTS=.* up$", re.MULTILINE)
    assert command.findall(page) == command.findall(file)


def test_kserve_has_what_it_needs() -> None:
    service = yaml.safe_load((DEPLOY / "kserve.yaml").read_text())
    assert ("serving.kserve.io/v1beta1", "InferenceService") == (service["apiVersion"], service["kind"])
    predictor = service["spec"]["predictor"]
    assert 1 <= predictor["minReplicas"] <= predictor["maxReplicas"]
    assert "tensorflow" == predictor["model"]["modelFormat"]["name"]
    assert f"pvc://{BY_KIND['PersistentVolumeClaim']['metadata']['name']}" == predictor["model"]["storageUri"]
    assert {"requests", "limits"} == predictor["model"]["resources"].keys()


def test_versions_are_copied_to_the_volume_that_is_served() -> None:
    claim = BY_KIND["PersistentVolumeClaim"]
    (volume,) = COPY["spec"]["volumes"]
    assert claim["metadata"]["name"] == volume["persistentVolumeClaim"]["claimName"]
    assert ["ReadWriteMany"] == claim["spec"]["accessModes"]
    (mount,) = COPY["spec"]["containers"][0]["volumeMounts"]
    assert f"{COPY['metadata']['name']}:{mount['mountPath']}/partial" in (DEPLOY / "README.md").read_text()


def test_the_page_names_every_file() -> None:
    page = (DEPLOY / "README.md").read_text()
    assert all(f"`{file.name}`" in page for file in DEPLOY.iterdir() if file.name != "README.md")
