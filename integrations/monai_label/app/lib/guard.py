"""Middleware that checks sender, route and values of each request before MONAI Label sees it.

MONAI Label alone answers to every host name, lets pages of every origin read its answers, and uses file names and
settings without a check. The middleware writes each request again from its checked values, so that nothing else reaches
a handler.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Collection, Mapping
from typing import Any
from urllib.parse import urlencode

from scripts.common.loopback import host_name, is_loopback
from starlette.datastructures import QueryParams
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from .bodies import form_body, json_body, only, read_form, read_json, single
from .routes import find
from .values import check_shown, read

HOSTS, ORIGINS = "CXR_LABEL_ALLOWED_HOSTS", "CXR_LABEL_ALLOWED_ORIGINS"
BODY_S = 300  # for the whole body
MAPPED = "::ffff:"  # begins an IPv4 address on a socket of both protocols


class Guard:
    """ASGI middleware.

    Args:
        app: application to protect.
        names: placeholder in a path -> allowed values.
        labels: returns the labels of the current model.
        prefix: prefix of MONAI Label's paths.
    """

    def __init__(
        self, app: ASGIApp, names: Mapping[str, Collection[str]], labels: Callable[[], list[str]], prefix: str = ""
    ) -> None:
        self.app, self.names, self.labels, self.prefix = app, names, labels, prefix
        self.hosts, self.origins = listed(HOSTS), listed(ORIGINS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer with the reason for its rejection."""
        refusal = None
        if scope["type"] == "http":
            try:
                self.check_sender(scope)
                if scope["method"] != "OPTIONS":  # preflight of an allowed page, which MONAI Label's middleware answers
                    async with asyncio.timeout(BODY_S):
                        scope, receive = await self.check_request(scope, receive)
            except TimeoutError:
                refusal = HTTPException(408, f"body: not complete after {BODY_S} s")
            except ClientDisconnect:
                return
            except HTTPException as error:
                refusal = error
        answer = JSONResponse({"detail": refusal.detail}, refusal.status_code) if refusal else self.app
        await answer(scope, receive, send)

    def check_sender(self, scope: Scope) -> None:
        """Reject a client, host name or page that is not allowed.

        A page of a foreign site whose name resolves to this computer is recognised by its host; any other foreign page
        by its origin, or by the fetch metadata of the browser.

        Raises:
            HTTPException: 403; 400 for a header that is given twice.
        """
        if not self.hosts and scope.get("client") and not is_loopback(scope["client"][0].removeprefix(MAPPED)):
            raise HTTPException(403, f"client: another computer; expected this one; to serve others set {HOSTS}")
        host, origin = only(scope, "host"), only(scope, "origin")
        name = host_name(host)
        if not is_loopback(name.removeprefix(MAPPED)) and name not in self.hosts:
            raise HTTPException(
                403, f"Host: not served; expected localhost or one of {HOSTS}, found {check_shown(name)}; set {HOSTS}"
            )
        if origin and origin not in {f"http://{host}", f"https://{host}", *self.origins}:
            raise HTTPException(
                403, f"Origin: not allowed; expected none, this server or one of {ORIGINS}, found {check_shown(origin)}"
            )
        if not origin and only(scope, "sec-fetch-site") in ("cross-site", "same-site"):
            raise HTTPException(403, "Sec-Fetch-Site: not allowed; expected a request of this server's own pages")

    async def check_request(self, scope: Scope, receive: Receive) -> tuple[Scope, Receive]:
        """Return the request with its checked values only.

        Raises:
            HTTPException: 404 for an unknown route, 400 for an invalid value, 413 for a body that is too large, 415 for
                its media type.
        """
        path = scope["path"].removeprefix(scope.get("root_path", "")).removeprefix(self.prefix)
        try:
            route, given = find(scope["method"], path)
        except LookupError as error:
            raise HTTPException(404, str(error.args[0])) from None
        for key, known in self.names.items():
            if key in given and given[key] not in known:
                expected = ", ".join(sorted(known))
                raise HTTPException(404, f"{key}: not known; expected {expected}, found {check_shown(given[key])}")
        try:
            query = read(route.query, single(QueryParams(scope["query_string"]).multi_items()))
            sent: dict[str, Any] = query.model_dump(mode="json", exclude_unset=True, exclude_none=True)
            scope = {**scope, "query_string": urlencode(sent).encode()}
            if route.json:
                values = read(route.json, await read_json(scope, receive) or b"{}")
                scope, receive = json_body(scope, receive, values.model_dump_json(exclude_none=True))
            elif route.form:
                fields, files = await read_form(scope, receive, route.form, self.labels())
                sent |= fields | {key: name for key, name, _ in files}
                scope, receive = form_body(scope, receive, fields, files)
            if route.one_of and not sent.keys() & set(route.one_of):
                raise ValueError(f"{route.one_of[0]}: missing; expected one of {', '.join(route.one_of)}; send one")
        except ValueError as error:
            raise HTTPException(400, str(error)) from None
        return scope, receive


def listed(variable: str) -> frozenset[str]:
    """Return the comma-separated values of an environment variable."""
    return frozenset(filter(None, (entry.strip().lower() for entry in os.environ.get(variable, "").split(","))))
