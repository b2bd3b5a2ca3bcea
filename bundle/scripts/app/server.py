"""Routes of the page, and the server that answers on 127.0.0.1.

The paths stand behind the token, which :mod:`.request_guard` removes:

=====================================  ======================================================================
``GET /``                              the page
``POST /batches``                      make a batch; answers ``{"batch": key}``
``POST /batches/KEY/files?name=NAME``  add a film or a zip file, which is the body
``POST /batches/KEY/start``            predict the batch after those before it
``GET /batches/KEY``                   state and progress
``GET /batches/KEY/view/PATH``         a file of the results, for example ``predictions.html``
``GET /batches/KEY/results.zip``       all files of the results
``DELETE /batches/KEY``                cancel, remove
=====================================  ======================================================================
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from .batch_queue import BatchQueue
from .drop_page import render_drop_page
from .film_batch import State
from .request_guard import RequestGuard, json_error
from .uploads import receive_file

PAGE = "predictions.html"
_PICTURES = {".jpg": "image/jpeg", ".png": "image/png"}  # of the page; the results of PNG films are downloads
_PICTURE_FOLDER = "predictions_files"
_CLEAN_EVERY_S = 30
_CONNECTIONS, _FINISH_S = 100, 5


def make_app(batches: BatchQueue, token: str) -> RequestGuard:
    """Return the application.

    Args:
        batches: batches of films; closed with the application.
        token: first part of every path.
    """
    html, policy = render_drop_page(is_kept=batches.keep is not None)

    async def page(request: Request) -> Response:
        return HTMLResponse(html, headers={"Content-Security-Policy": policy})

    async def create(request: Request) -> Response:
        return JSONResponse({"batch": batches.create()}, 201)

    async def add(request: Request) -> Response:
        await receive_file(request, batches, request.path_params["key"])
        return JSONResponse({}, 201)

    async def start(request: Request) -> Response:
        batches.start(request.path_params["key"])
        return JSONResponse({}, 202)

    async def describe(request: Request) -> Response:
        return JSONResponse(batches.describe(request.path_params["key"]))

    async def remove(request: Request) -> Response:
        await run_in_threadpool(batches.remove, request.path_params["key"])
        return JSONResponse({})

    async def view(request: Request) -> Response:
        batch = batches.find(request.path_params["key"], State.DONE)
        return _result(batch.results, request.path_params["path"])

    async def results(request: Request) -> Response:
        batch = batches.find(request.path_params["key"], State.DONE)
        path = await run_in_threadpool(batch.zipped)
        return FileResponse(path, media_type="application/zip", filename="predictions.zip")

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        cleaning = asyncio.create_task(_clean(batches))
        yield
        cleaning.cancel()
        with suppress(asyncio.CancelledError):
            await cleaning
        await run_in_threadpool(batches.close)

    routes = [
        Route("/", page),
        Route("/batches", create, methods=["POST"]),
        Route("/batches/{key}", describe, methods=["GET"]),
        Route("/batches/{key}", remove, methods=["DELETE"]),
        Route("/batches/{key}/files", add, methods=["POST"]),
        Route("/batches/{key}/start", start, methods=["POST"]),
        Route("/batches/{key}/results.zip", results),
        Route("/batches/{key}/view/{path:path}", view),
    ]

    async def refused(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        return json_error(error)

    async def failed(request: Request, error: Exception) -> Response:
        return json_error(HTTPException(500, "failed inside; see the log"))  # the guard writes the log

    handlers = {HTTPException: refused, Exception: failed}
    app = Starlette(routes=routes, lifespan=lifespan, exception_handlers=handlers)
    app.router.redirect_slashes = False
    return RequestGuard(app, token)


def run_server(batches: BatchQueue, token: str, listener: socket.socket) -> None:
    """Answer requests until the process gets SIGINT or SIGTERM.

    Args:
        batches: batches of films, which are closed at the end.
        token: first part of every path.
        listener: socket that listens on a loopback address.
    """
    config = uvicorn.Config(
        make_app(batches, token),
        http="h11",
        ws="none",
        lifespan="on",
        log_config=None,
        log_level="warning",
        access_log=False,  # an address has the token and names of files
        proxy_headers=False,  # a header must not change who the sender is
        server_header=False,
        limit_concurrency=_CONNECTIONS,
        timeout_graceful_shutdown=_FINISH_S,
    )
    uvicorn.Server(config).run(sockets=[listener])


def _result(folder: Path, name: str) -> Response:
    """Return a file of the results: the page and its pictures to be shown, every other to be saved.

    Raises:
        HTTPException: 404; there is no such file below the folder.
    """
    with suppress(ValueError, OSError):  # for example a null byte, or a name that is too long
        root = folder.resolve()
        path = (root / name).resolve()
        if path.is_relative_to(root) and path.is_file():
            if path == root / PAGE:
                return FileResponse(path, media_type="text/html")
            if path.relative_to(root).parts[0] == _PICTURE_FOLDER and path.suffix in _PICTURES:
                return FileResponse(path, media_type=_PICTURES[path.suffix])
            return FileResponse(path, media_type="application/octet-stream", filename=path.name)
    raise HTTPException(404, "result: no such file; open the page of the predictions")


async def _clean(batches: BatchQueue) -> None:
    """Remove what is no longer used, again and again."""
    while True:
        await asyncio.sleep(_CLEAN_EVERY_S)
        await run_in_threadpool(batches.remove_unused)
