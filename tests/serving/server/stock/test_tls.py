"""TLS and mutual TLS with real certificates, the UNIX socket, and what gRPC is told."""

import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
import pytest
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

from rnnzoo.serving.client import Client
from rnnzoo.serving.errors import ServerUnavailableError
from rnnzoo.serving.server.process import Server, make_server
from rnnzoo.serving.server.stock.channel_arguments import parse_channel_arguments
from rnnzoo.serving.server.stock.tls import read_server_credentials

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="certificates are made by openssl")


def openssl(folder: Path, *arguments: str) -> None:
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True, timeout=60)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An authority, a server and a client that it signed, and a client that signed itself."""
    folder = tmp_path_factory.mktemp("certificates")
    new = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    openssl(folder, "req", "-x509", *new, "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=authority")
    (folder / "names").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1", encoding="utf-8")
    for name in ("server", "client"):
        openssl(folder, "req", *new, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
        signing = ("-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-extfile", "names")
        openssl(folder, "x509", "-req", "-in", f"{name}.csr", "-out", f"{name}.pem", *signing)
    openssl(folder, "req", "-x509", *new, "-keyout", "own.key", "-out", "own.pem", "-days", "2", "-subj", "/CN=own")
    return folder


def config(folder: Path, path: Path, more: str = "", **fields: str) -> Path:
    """An SSLConfig whose fields are the contents of the named files."""
    lines = [
        f"{field}: " + "".join(f'"{line}\\n"' for line in (folder / name).read_text(encoding="utf-8").splitlines())
        for field, name in fields.items()
    ]
    path.write_text("\n".join([*lines, more]), encoding="utf-8")
    return path


@contextmanager
def served(arithmetic: Path, **settings: object) -> Iterator[Server]:
    server = make_server(arithmetic, **{"port": 0, "poll_seconds": 0, **settings})
    server.start()
    try:
        yield server
    finally:
        server.stop()


def ask(channel: grpc.Channel, rows: int = 1) -> list[float]:
    request = predict_pb2.PredictRequest(model_spec={"name": "default"})
    request.inputs["x"].CopyFrom(tf.make_tensor_proto([1.0] * rows))
    with channel:
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        return list(stub.Predict(request, timeout=10).outputs["scaled"].float_val)


def read(folder: Path, *names: str) -> list[bytes]:
    return [(folder / name).read_bytes() for name in names]


def refused(ask_: Callable[[], object]) -> grpc.StatusCode:
    with pytest.raises(grpc.RpcError) as caught:
        ask_()
    return caught.value.code()


def test_tls(arithmetic: Path, certificates: Path, tmp_path: Path) -> None:
    path = config(certificates, tmp_path / "ssl", server_key="server.key", server_cert="server.pem")
    trusting = grpc.ssl_channel_credentials(*read(certificates, "ca.pem"))
    wary = grpc.ssl_channel_credentials(*read(certificates, "own.pem"))
    unix = tmp_path / "socket"

    with served(arithmetic, server_credentials=read_server_credentials(path), grpc_socket_path=str(unix)) as server:
        where = f"localhost:{server.port}"
        assert [2.0] == ask(grpc.secure_channel(where, trusting))
        # Callers without TLS, with another authority, or with no gRPC at all get nowhere and disturb nobody.
        assert grpc.StatusCode.UNAVAILABLE == refused(lambda: ask(grpc.insecure_channel(where)))
        assert grpc.StatusCode.UNAVAILABLE == refused(lambda: ask(grpc.secure_channel(where, wary)))
        for credentials, why in ((None, "it may want TLS"), (wary, "its certificate must be for this address")):
            with Client(where, credentials=credentials) as client, pytest.raises(ServerUnavailableError, match=why):
                client.metadata()
        with socket.create_connection(("localhost", server.port), timeout=10) as raw:
            raw.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert [2.0] == ask(grpc.secure_channel(where, trusting))
        options = [("grpc.ssl_target_name_override", "localhost")]
        assert [2.0] == ask(grpc.secure_channel(f"unix:{unix}", trusting, options))


def test_mutual_tls(arithmetic: Path, certificates: Path, tmp_path: Path) -> None:
    path = config(
        certificates,
        tmp_path / "ssl",
        "client_verify: true",
        server_key="server.key",
        server_cert="server.pem",
        custom_ca="ca.pem",
    )

    def channel(*names: str) -> grpc.Channel:
        credentials = grpc.ssl_channel_credentials(*read(certificates, "ca.pem", *names))
        return grpc.secure_channel(f"localhost:{server.port}", credentials)

    with served(arithmetic, server_credentials=read_server_credentials(path)) as server:
        assert [2.0] == ask(channel("client.key", "client.pem"))
        assert grpc.StatusCode.UNAVAILABLE == refused(lambda: ask(channel()))
        assert grpc.StatusCode.UNAVAILABLE == refused(lambda: ask(channel("own.key", "own.pem")))
        assert [2.0] == ask(channel("client.key", "client.pem"))


@pytest.mark.parametrize(
    ("fields", "more", "message"),
    [
        ({"server_cert": "server.pem"}, "", "^server_key must be the private key of server_cert as PEM text, but"),
        ({"server_key": "server.key"}, "", "^server_cert must be a certificate as PEM text, but"),
        (
            {"server_key": "client.key", "server_cert": "server.pem"},
            "",
            "^server_key must be the private key of server_cert, both as PEM text, but OpenSSL says KEY_VALUES",
        ),
        ({"server_cert": "server.pem"}, "server_key: 'secret'", "^server_key must be the private key of server_cert"),
        (
            {"server_key": "server.key", "server_cert": "server.pem"},
            "client_verify: true",
            "^custom_ca must name the authorities",
        ),
        (
            {"server_key": "server.key", "server_cert": "server.pem"},
            "custom_ca: 'none'",
            "^custom_ca must hold certificates as PEM text",
        ),
        ({}, "server_password: 'x'", 'has no field named "server_password"'),
    ],
)
def test_what_does_not_go_together(
    certificates: Path, tmp_path: Path, fields: dict[str, str], more: str, message: str
) -> None:
    path = config(certificates, tmp_path / "ssl", more, **fields)

    with pytest.raises(ValueError, match=message) as caught:
        read_server_credentials(path)

    assert "PRIVATE" not in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_unix_socket(arithmetic: Path, tmp_path: Path) -> None:
    path = tmp_path / "socket"

    with served(arithmetic, port=None, grpc_socket_path=str(path)) as server:
        assert f"unix:{path}" == server.address
        assert [2.0] == ask(grpc.insecure_channel(f"unix:{path}"))
        with pytest.raises(OSError, match=r"^the socket .* is in use: stop the other server, or pass another path\.$"):
            make_server(arithmetic, port=None, grpc_socket_path=str(path))
    with pytest.raises(OSError, match="a socket path must have at most 107 bytes"):
        make_server(arithmetic, port=None, grpc_socket_path=str(tmp_path / ("x" * 100)))


def test_a_socket_that_a_killed_server_left_behind(arithmetic: Path, tmp_path: Path) -> None:
    path = tmp_path / "socket"
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))

    with served(arithmetic, port=None, grpc_socket_path=str(path)):
        assert [2.0] == ask(grpc.insecure_channel(f"unix:{path}"))


def test_channel_arguments_reach_grpc(arithmetic: Path) -> None:
    arguments = parse_channel_arguments("grpc.max_receive_message_length=1000")

    with served(arithmetic, grpc_channel_arguments=arguments) as server:
        assert [2.0] == ask(grpc.insecure_channel(server.address))
        assert grpc.StatusCode.RESOURCE_EXHAUSTED == refused(
            lambda: ask(grpc.insecure_channel(server.address), rows=1000)
        )
        assert [2.0] == ask(grpc.insecure_channel(server.address))


def test_channel_arguments() -> None:
    assert (("a", 1), ("b", "x=y"), ("c", "9999999999"), ("d", "1_0")) == parse_channel_arguments(
        "a=1,b=x=y,c=9999999999,,d=1_0"
    )
    with pytest.raises(ValueError, match=r"grpc_channel_arguments must be name=value,name=value,..., but got 'a'"):
        parse_channel_arguments("a")
