"""HTTP session to a DICOMweb server: TLS, credentials from the environment."""

from __future__ import annotations

import importlib.util
import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import requests

from ..common.loopback import is_loopback
from .exchange import BoundSession

_TOKEN, _USER, _PASSWORD = "CXR_DICOMWEB_TOKEN", "CXR_DICOMWEB_USER", "CXR_DICOMWEB_PASSWORD"


@dataclass(frozen=True)
class Server:
    """A DICOMweb server.

    Attributes:
        url: root URL, for example ``https://pacs.example/dicom-web``.
        ca_file: trusted certificates (PEM); ``None``: the public ones.
        cert_file: client certificate with its key (PEM), for a server that asks for one.
    """

    url: str
    ca_file: Path | None = None
    cert_file: Path | None = None

    @property
    def root(self) -> str:
        """URL without spaces around it and without slashes at its end, to which paths can be added."""
        return self.url.strip().rstrip("/")


class BearerToken(requests.auth.AuthBase):
    """Bearer token as the ``auth`` of a session; requests would send a plain header with a redirect as well."""

    def __init__(self, token: str) -> None:
        self.token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Add the header to one request."""
        request.headers["Authorization"] = f"Bearer {self.token}"
        return request


def require(package: str) -> None:
    """Check that a package of the extra ``pacs`` is installed.

    Raises:
        ValueError: the package is not installed.
    """
    if importlib.util.find_spec(package) is None:
        raise ValueError(f"pacs: expected the package {package}, found none; install the extra pacs (README)")


def open_session(server: Server) -> BoundSession:
    """Return a session with the server's TLS settings and the credentials of the environment.

    Proxies, ``.netrc`` and certificate bundles of the environment are ignored, so that images of patients are sent
    only to the server of the options.

    Raises:
        ValueError: an unusable URL, a missing file, or credentials that would travel unencrypted.
    """
    parts = urlsplit(server.root)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError("--dicomweb: not a URL; expected http(s)://HOST[:PORT]/PATH; check it")
    if parts.username or parts.password:
        raise ValueError(
            f"--dicomweb: credentials in the URL are visible in process lists; expected a URL without them; set "
            f"{_TOKEN}, or {_USER} and {_PASSWORD}"
        )
    session = BoundSession(server.root)
    session.trust_env = False
    session.auth = _credentials()
    if session.auth is not None and parts.scheme == "http" and not is_loopback(parts.hostname):
        raise ValueError(
            "--dicomweb: credentials would be sent unencrypted; expected https, found http; use https, or unset "
            f"{_TOKEN}, {_USER} and {_PASSWORD}"
        )
    session.verify = _existing(server.ca_file, "--tls-ca") or True
    session.cert = _existing(server.cert_file, "--tls-cert")
    return session


def _credentials() -> requests.auth.AuthBase | None:
    """Return the bearer token, or user and password, of the environment; ``None`` where neither is set."""
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


def _existing(path: Path | None, option: str) -> str | None:
    """Return a path as text, checked now; ``requests`` would find a missing file only at the first connection."""
    if path is not None and not path.is_file():
        raise ValueError(f"{option}: {path}: no such file; expected certificates in PEM form; check the path")
    return None if path is None else str(path)
