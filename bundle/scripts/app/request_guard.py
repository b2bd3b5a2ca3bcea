"""Middleware that checks sender, address and token of each request, and adds the same headers to each answer.

Other users of this computer and every web page that its browser shows can send requests to a port of 127.0.0.1. A web
page is recognised by the name that it used for this computer (``Host``), by its own address (``Origin``) or by the
fetch metadata of the browser. Everybody else needs the token, which stands in the address that ``serve`` prints.
"""

from __future__ import annotations

import logging
import secrets
import traceback
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from ..common.loopback import host_name, is_loopback

logger = logging.getLogger(__name__)

# Of every answer that does not say otherwise.
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "frame-ancestors 'self'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "SAMEORIGIN",
}


class RequestGuard:
    """ASGI middleware.

    Args:
        app: application to protect; it sees paths without the token.
        token: first part of every path.
    """

    def __init__(self, app: ASGIApp, token: str) -> None:
        self.app, self.token = app, token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer with the reason for its rejection."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = False

        async def send_with_headers(message: MutableMapping[str, Any]) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        try:
            _check_sender(scope)
            await self.app(self._without_token(scope), receive, send_with_headers)
        except HTTPException as error:
            await json_error(error)(scope, receive, send_with_headers)
        except ClientDisconnect:
            return
        except Exception as error:
            place = traceback.extract_tb(error.__traceback__)[-1]
            # The text of the error is left out, because it may quote a file name.
            logger.error("a request failed with %s, %s line %d", type(error).__name__, Path(place.filename).name,
                         place.lineno)  # fmt: skip
            if not started:
                await json_error(HTTPException(500, "failed inside; see the log"))(scope, receive, send_with_headers)

    def _without_token(self, scope: Scope) -> Scope:
        """Return the request without the token in its path.

        Raises:
            HTTPException: 404; the token is missing or wrong.
        """
        given, slash, path = scope["path"].removeprefix("/").partition("/")
        if not secrets.compare_digest(given.encode(), self.token.encode()) or not slash:
            raise HTTPException(404, "address: not known; expected the one that serve printed; open that one")
        return {**scope, "path": f"/{path}", "raw_path": f"/{path}".encode()}


def json_error(error: HTTPException) -> JSONResponse:
    """Return the answer for an error.

    Args:
        error: status, and the reason as text.
    """
    return JSONResponse({"detail": error.detail}, error.status_code, headers=error.headers)


def _check_sender(scope: Scope) -> None:
    """Reject a request of another computer or of another web page.

    Raises:
        HTTPException: 421 for another host name, else 403; 400 for a header that is given twice.
    """
    if not is_loopback((scope.get("client") or ("",))[0]):
        raise HTTPException(403, "client: another computer; expected this one")
    host, origin = _only(scope, "host"), _only(scope, "origin")
    if not is_loopback(host_name(host)):
        raise HTTPException(
            421, "Host: not served; expected 127.0.0.1 or localhost; open the address that serve printed"
        )
    if origin and origin != f"http://{host}":
        raise HTTPException(403, "Origin: another page; expected none or the page of this server")
    if not origin and _only(scope, "sec-fetch-site") in ("cross-site", "same-site"):
        raise HTTPException(403, "Sec-Fetch-Site: another page; expected a request of this server's own page")


def _only(scope: Scope, name: str) -> str:
    """Return the value of a header in lower case, empty where it is absent.

    Raises:
        HTTPException: 400 for a header that is given twice.
    """
    found = Headers(scope=scope).getlist(name)
    if len(found) > 1:
        raise HTTPException(400, f"{name}: given twice; expected one value; leave one out")
    return found[0].lower() if found else ""
