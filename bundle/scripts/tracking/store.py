"""Where MLflow runs are kept: an SQLite database beside an output folder, and its folder of artifacts."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit

from ..common.atomic import make_file, make_folder
from ..common.locking import locked_file

SQLITE = "sqlite:///"  # a URI of a database is this and its path


def default_uri(output_dir: str | Path) -> str:
    """URI of the SQLite database beside ``output_dir``, which the stages of an experiment share."""
    return f"{SQLITE}{(Path(output_dir).absolute().parent / 'mlruns.db').as_posix()}"


def ui_command(uri: str) -> str:
    """Command that opens the MLflow user interface for ``uri``."""
    return f"mlflow ui --backend-store-uri {uri}"


def artifact_folder(uri: str) -> Path:
    """Folder beside an SQLite database that contains the artifacts of its runs."""
    return Path(uri.removeprefix(SQLITE)).with_name("mlruns").absolute()


def is_beside(uri: str, location: str) -> bool:
    """Whether a location is in the artifact folder of the SQLite database ``uri``."""
    parts = urlsplit(location)
    if parts.scheme != "file" or parts.netloc:
        return False
    path = unquote(parts.path)
    if os.name == "nt":
        path = path.removeprefix("/")  # of file:///C:/folder
    return Path(path).resolve().is_relative_to(artifact_folder(uri).resolve())


@contextmanager
def new_database(uri: str) -> Iterator[None]:
    """Make an SQLite database and its artifact folder; only one process at a time may be in the block.

    MLflow creates the tables of a new database on first use. Two processes that do so at once leave a database that
    neither can open.
    """
    if not uri.startswith(SQLITE):
        yield
        return
    path = Path(uri.removeprefix(SQLITE))
    make_file(path)  # SQLite would set the permissions by the umask
    make_folder(artifact_folder(uri))
    with locked_file(path.with_name(f".{path.name}.lock")):
        yield


def limit_waiting() -> None:
    """Let MLflow give up a server after seconds instead of minutes, unless the environment says otherwise."""
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "10")
