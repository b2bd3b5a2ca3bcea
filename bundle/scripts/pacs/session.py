"""HTTP session to a DICOMweb server: TLS, credentials from the environment, limits, and names for what goes wrong.

Nothing of a request or of an answer enters a message: URLs hold UIDs, and servers quote patients.
"""

from __future__ import annotations

import importlib.util
import ipaddress
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import requests

from ..dicom import RefusedInput
from ..dicom.budget import MAX_FILE_BYTES

TOKEN, USER, PASSWORD = "CXR_DICOMWEB_TOKEN", "CXR_DICOMWEB_USER", "CXR_DICOMWEB_PASSWORD"
UNAVAILABLE, REFUSED, NONSENSE, GONE = "PACS_UNAVAILABLE", "PACS_REFUSED", "PACS_RESPONSE", "NO_STUDY"
# 408 and 429 ask to come again; 5xx is the server's trouble, not the request's.
COME_AGAIN = {408, 425, 429}
TIMEOUTS_S = (10, 60)  # to connect, and between two bytes

Result = TypeVar("Result")


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
    """Authorization header; as ``auth`` and not as a header, so that a redirect to another host does not get it."""

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


def open_session(server: Server) -> requests.Session:
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
            f"--dicomweb: credentials in the URL would be seen in process lists; expected none there; set {TOKEN}, or "
            f"{USER} and {PASSWORD}"
        )
    session = requests.Session()
    session.trust_env = False
    session.auth = credentials()
    if session.auth is not None and parts.scheme == "http" and not is_loopback(parts.hostname):
        raise ValueError(
            "--dicomweb: credentials would travel unencrypted; expected https, found http; use https, or unset "
            f"{TOKEN}, {USER} and {PASSWORD}"
        )
    session.verify = existing(server.ca_file, "--tls-ca") or True
    session.cert = existing(server.cert_file, "--tls-cert")
    session.hooks["response"].append(limit_body)
    return session


def credentials() -> requests.auth.AuthBase | None:
    """Bearer token, or user and password, of the environment; ``None`` without."""
    token, user, password = (os.environ.get(name) for name in (TOKEN, USER, PASSWORD))
    if token and (user or password):
        raise ValueError(f"{TOKEN}: set beside {USER} or {PASSWORD}; expected one way to sign in, found two; unset one")
    if token:
        return BearerToken(token)
    if bool(user) != bool(password):
        raise ValueError(f"{USER}, {PASSWORD}: expected both or neither, found one; set the other one")
    return requests.auth.HTTPBasicAuth(user, password) if user and password else None


def is_loopback(host: str) -> bool:
    """Whether a host is this computer, without asking a name server."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def existing(path: Path | None, option: str) -> str | None:
    """Path as text; ``requests`` would only notice at the first connection that it does not exist."""
    if path is not None and not path.is_file():
        raise ValueError(f"{option}: {path}: no such file; expected certificates in PEM form; check the path")
    return None if path is None else str(path)


class LimitedBody:
    """Body of an answer that ends in a refusal when it is larger than any radiograph; counted after inflating.

    Args:
        raw: of urllib3.
    """

    def __init__(self, raw: Any) -> None:
        self.raw = raw

    def stream(self, size: int, decode_content: bool = True) -> Iterator[bytes]:
        """Chunks, as of urllib3."""
        seen = 0
        for chunk in self.raw.stream(size, decode_content=decode_content):
            seen += len(chunk)
            if seen > MAX_FILE_BYTES:
                raise too_large()
            yield chunk

    def __getattr__(self, name: str) -> Any:
        return getattr(self.raw, name)


def limit_body(response: requests.Response, **_: Any) -> None:
    """Hook of a session: runs before the body is read."""
    response.raw = LimitedBody(response.raw)


def too_large() -> RefusedInput:
    """Refusal of an answer that no radiograph is as large as."""
    return RefusedInput(
        "FILE_SIZE", "the PACS sends more than a radiograph", f"at most {MAX_FILE_BYTES // 1_000_000} MB", "more",
        "check the study in the PACS",
    )  # fmt: skip


def ask(request: Callable[[], Result], *, attempts: int, wait_s: float) -> Result:
    """Result of a request; repeated with growing waits while the server is not there.

    Args:
        request: a call of dicomweb-client; must be safe to repeat.
        attempts: at most.
        wait_s: before the second attempt; doubled for each further one, at most 60.

    Raises:
        RefusedInput: ``PACS_UNAVAILABLE`` after the last attempt, ``PACS_REFUSED`` (4xx), ``NO_STUDY`` (404, 410) or
            ``PACS_RESPONSE`` (an answer that is none).
    """
    from retrying import Retrying

    # The client's own repetition looks at status codes only: a dropped connection ends it.
    again = Retrying(
        stop_max_attempt_number=attempts,
        wait_exponential_multiplier=500 * wait_s,  # times 2 ** attempt, in ms
        wait_exponential_max=60_000,
        retry_on_exception=lambda error: isinstance(error, RefusedInput) and error.code == UNAVAILABLE,
    )
    return again.call(named, request)


def named(request: Callable[[], Result]) -> Result:
    """Result of one attempt; whatever it raises becomes a refusal with a code."""
    try:
        return request()
    except RefusedInput:
        raise
    except requests.HTTPError as error:
        raise answered(getattr(error.response, "status_code", 500)) from None
    except (requests.RequestException, OSError) as error:
        raise unavailable(type(error).__name__) from None
    except Exception as error:  # what a parser meets in an answer; its words may quote the patient's data
        raise RefusedInput(
            NONSENSE, "the answer of the PACS cannot be read", "DICOM JSON, or a DICOM file", type(error).__name__,
            "check the URL, and the study in the PACS",
        ) from None  # fmt: skip


def answered(status: int) -> RefusedInput:
    """Refusal for an HTTP status of 400 or more."""
    if status >= 500 or status in COME_AGAIN:
        return unavailable(f"status {status}")
    if status in (404, 410):
        return RefusedInput(
            GONE, "the PACS does not have the study", "a study", f"status {status}", "check the UID, and the URL"
        )
    return RefusedInput(
        REFUSED, "the PACS refuses the request", "status 200", f"status {status}",
        "check the URL, the credentials and what they are allowed to do",
    )  # fmt: skip


def unavailable(found: str) -> RefusedInput:
    """Refusal that time may heal."""
    return RefusedInput(
        UNAVAILABLE, "the PACS does not answer", "an answer", found, "check that it runs, the URL and the certificates"
    )
