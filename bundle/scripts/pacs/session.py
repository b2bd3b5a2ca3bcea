"""HTTP session to a DICOMweb server: TLS, credentials from the environment."""

from __future__ import annotations

import importlib.util
import ipaddress
import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import requests

from .exchange import BoundSession

_TOKEN, _USER, _PASSWORD = "CXR_DICOMWEB_TOKEN", "CXR_DICOMWEB_USER", "CXR_DICOMWEB_PASSWORD"


@dataclass(frozen=True)
class Server:
    """A DICOMweb server.

    Attributes:
        url: of its root, for example ``https://pacs.example/dicom-web``.
        ca_file: certificates (PEM) that its certificate is checked against; ``None``: the public ones.
        cert_file: our own certificate with its key (PEM), for a server that asks for one.
    """

    url: str
    ca_file: Path | None = None
    cert_file: Path | None = None


class BearerToken(requests.auth.AuthBase):
    """Authorization header; as ``auth`` and not as a header, which requests would send with a redirect as well."""

    def __init__(self, token: str) -> None:
        self.token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Sign one request."""
        request.headers["Authorization"] = f"Bearer {self.token}"
        return request


def require(package: str) -> None:
    """Refuse to start without a package of the extra ``pacs``.

    Raises:
        ValueError: it is not installed.
    """
    if importlib.util.find_spec(package) is None:
        raise ValueError(f"pacs: expected the package {package}, found none; install cxr-attention-sr[pacs]")


def open_session(server: Server) -> BoundSession:
    """Session with the server's TLS settings and the credentials of the environment.

    Proxies, ``.netrc`` and certificate bundles of the environment are not used: patients' images go where the options
    say and nowhere else.

    Raises:
        ValueError: an unusable URL, a missing file, or credentials that would travel unencrypted.
    """
    parts = urlsplit(server.url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("--dicomweb: not a URL; expected http(s)://HOST[:PORT]/PATH; check it")
    if parts.username or parts.password:
        raise ValueError(
            f"--dicomweb: credentials in the URL would be seen in process lists; expected none there; set {_TOKEN}, or "
            f"{_USER} and {_PASSWORD}"
        )
    session = BoundSession(server.url)
    session.trust_env = False
    session.auth = _credentials()
    if session.auth is not None and parts.scheme == "http" and not is_loopback(parts.hostname):
        raise ValueError(
            "--dicomweb: credentials would travel unencrypted; expected https, found http; use https, or unset "
            f"{_TOKEN}, {_USER} and {_PASSWORD}"
        )
    session.verify = _existing(server.ca_file, "--tls-ca") or True
    session.cert = _existing(server.cert_file, "--tls-cert")
    return session


def _credentials() -> requests.auth.AuthBase | None:
    """Bearer token, or user and password, of the environment; ``None`` without."""
    token, user, password = (os.environ.get(name) for name in (_TOKEN, _USER, _PASSWORD))
    if token and (user or password):
        raise ValueError(
            f"{_TOKEN}: set beside {_USER} or {_PASSWORD}; expected one way to sign in, found two; unset one"
        )
    if token:
        return BearerToken(token)
    if bool(user) != bool(password):
        raise ValueError(f"{_USER}, {_PASSWORD}: expected both or neither, found one; set the other one")
    return requests.auth.HTTPBasicAuth(user, password) if user and password else None


def is_loopback(host: str) -> bool:
    """Whether a host is this computer, without asking a name server."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _existing(path: Path | None, option: str) -> str | None:
    """Path as text; ``requests`` would only notice at the first connection that it does not exist."""
    if path is not None and not path.is_file():
        raise ValueError(f"{option}: {path}: no such file; expected certificates in PEM form; check the path")
    return None if path is None else str(path)
