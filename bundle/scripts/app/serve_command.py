"""The subcommand ``serve``; slow imports are inside the function."""

from __future__ import annotations

import importlib.util
import logging
import secrets
import socket
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

import typer

from ..common.atomic import check_output_folder
from ..pacs.commands import Model

_HOST = "127.0.0.1"
_PACKAGES = ("starlette", "uvicorn")


def serve(
    port: Annotated[int, typer.Option(min=0, max=65535, help="port on 127.0.0.1; 0: a free one")] = 8765,
    model: Model = None,
    enhance: Annotated[bool, typer.Option(help="super-resolve the attended regions")] = True,
    enhancer: Annotated[str | None, typer.Option(help="super-resolution method, see run enhancing --help")] = None,
    device: Annotated[str | None, typer.Option(help="cpu, cuda, cuda:1, …; default: a GPU if there is one")] = None,
    dicom: Annotated[bool, typer.Option("--dicom", help="also write DICOM objects for a PACS")] = False,
    keep: Annotated[Path | None, typer.Option(help="folder that keeps the results; default: nothing is kept")] = None,
) -> None:
    """Show a page on this computer that predicts the films that are dropped on it; stop it with Ctrl-C."""
    for package in _PACKAGES:
        if importlib.util.find_spec(package) is None:
            raise ValueError(f"serve: expected the package {package}, found none; install the extra app (README)")
    if keep is not None:
        check_output_folder(keep, "--keep")
    listener = _listen(port)
    from ..inference.predictor import Predictor
    from ..workflow import BUNDLE_ROOT, start_log
    from .batch_queue import BatchQueue
    from .server import run_server

    start_log()
    settings: dict[str, Any] = {"dicom": dicom, "enhance": enhance, "tracking_uri": "none"}
    settings |= {"model_dir": model, "enhancer": enhancer, "device": device}
    predictor = Predictor.from_bundle(
        BUNDLE_ROOT, **{key: value for key, value in settings.items() if value is not None}
    )
    _log_the_server_alone()
    token = secrets.token_urlsafe(24)
    with tempfile.TemporaryDirectory(prefix="cxr-attention-sr-", ignore_cleanup_errors=True) as folder:
        batches = BatchQueue(predictor, Path(folder) / "batches", keep, dicom=dicom)
        print(f"http://{_HOST}:{listener.getsockname()[1]}/{token}/", flush=True)
        try:
            with suppress(KeyboardInterrupt):  # uvicorn raises it when it has stopped
                run_server(batches, token, listener)
        finally:
            batches.close()
    print("stopped")


def _listen(port: int) -> socket.socket:
    """Return a socket on the loopback address, before anything that takes time.

    Raises:
        ValueError: the port cannot be used.
    """
    try:
        return socket.create_server((_HOST, port))
    except OSError as error:
        raise ValueError(
            f"--port: {port}: cannot be used ({error.strerror}); expected a free port; choose another, or 0"
        ) from None


def _log_the_server_alone() -> None:
    """Leave out what the log of a prediction says, because it names the files of the users."""
    own = __name__.rpartition(".")[0]
    for handler in logging.getLogger().handlers:
        handler.addFilter(lambda record: record.name.startswith((own, "uvicorn")))
