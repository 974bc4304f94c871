"""TLS and mutual TLS for the gRPC port, from TensorFlow Serving's SSL configuration file."""

import os
import ssl
import tempfile
from pathlib import Path

import grpc

from rnnzoo.serving.server.stock.text_protos import read_text_proto, ssl_config

__all__ = ["read_server_credentials"]


def read_server_credentials(path: str | os.PathLike[str]) -> grpc.ServerCredentials:
    """What a port is to be secured with.

    Args:
        path: a text SSLConfig: `server_key` and `server_cert`, PEM inline; `custom_ca`, the authorities that sign
            clients' certificates; `client_verify`, whether a client must show one.

    Raises:
        OSError: if the file cannot be read.
        ValueError: if it is no SSLConfig, or key, certificate and authorities do not go together.
    """
    config = read_text_proto(path, ssl_config())
    for field, meaning in (("server_key", "the private key of server_cert"), ("server_cert", "a certificate")):
        if not getattr(config, field):
            raise ValueError(f"{field} must be {meaning} as PEM text, but {os.fspath(path)} has none.")
    if config.client_verify and not config.custom_ca:
        raise ValueError(
            "custom_ca must name the authorities that sign clients' certificates where client_verify is true, but "
            f"{os.fspath(path)} has none."
        )
    _check_pair(config.server_key, config.server_cert, os.fspath(path))
    if config.custom_ca:
        _check_authorities(config.custom_ca, os.fspath(path))
    return grpc.ssl_server_credentials(
        [(config.server_key.encode(), config.server_cert.encode())],
        root_certificates=config.custom_ca.encode() or None,
        require_client_auth=config.client_verify,
    )


def _check_pair(key: str, certificate: str, path: str) -> None:
    # gRPC says of a bad pair only that it could not bind, so OpenSSL is asked; it reads files only.
    with tempfile.TemporaryDirectory() as folder:  # for this user's eyes only
        file = Path(folder, "pair.pem")
        file.touch(mode=0o600)
        file.write_text(f"{key.strip()}\n{certificate.strip()}\n", encoding="utf-8")
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(file)
        except (ssl.SSLError, OSError) as error:
            reason = getattr(error, "reason", None) or "NOT_PEM"
            raise ValueError(
                "server_key must be the private key of server_cert, both as PEM text, but OpenSSL says "
                f"{reason} of those in {path}."
            ) from error


def _check_authorities(authorities: str, path: str) -> None:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_verify_locations(cadata=authorities)
    except (ssl.SSLError, ValueError) as error:
        raise ValueError(f"custom_ca must hold certificates as PEM text, but that in {path} has none.") from error
