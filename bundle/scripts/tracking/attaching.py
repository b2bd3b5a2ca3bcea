"""Copies a file, such as the report, into finished MLflow runs."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from pathlib import Path

from .log_text import first_line
from .run_file import read_runs
from .store import SQLITE, artifact_folder, default_uri, is_beside, limit_waiting

logger = logging.getLogger(__name__)


def attach_artifact(
    output_dir: str | Path, path: str | Path, uri: str | None = None, group: str | Path | None = None
) -> None:
    """Copy a file into the finished runs that wrote to a folder, or log why it was not copied.

    Args:
        output_dir: output folder of the runs.
        path: file to copy.
        uri: MLflow tracking URI, or ``none``; default: ``MLFLOW_TRACKING_URI``, else the database beside the folder. A
            URI that is only named in the folder is not contacted.
        group: folder above ``output_dir`` if this is that of one of several seeds, whose database is beside ``group``.
    """
    runs = read_runs(output_dir)
    configured = os.environ.get("MLFLOW_TRACKING_URI") or uri
    if not runs or configured == "none":
        return
    for run in runs.values():
        try:
            problem = _attach_to_run(run, configured, default_uri(group or output_dir), path)
        except Exception as error:  # the file exists, so a failure of MLflow is not an error
            problem = f"{type(error).__name__}: {first_line(error)}"
        if problem:
            logger.warning(
                "%s: not attached to MLflow; %s; to attach it to runs on a server, name the server with --tracking or "
                "MLFLOW_TRACKING_URI",
                path,
                problem,
            )


def _attach_to_run(run: Mapping[str, str], configured: str | None, beside: str, path: str | Path) -> str | None:
    """Copy a file into one run of :func:`read_runs`; return the reason if it is not copied."""
    limit_waiting()
    from mlflow.tracking import MlflowClient

    if configured is not None and run["tracking_uri"] != configured:
        return f"expected runs at {configured}, found runs that were recorded elsewhere"
    if configured is None and not Path(beside.removeprefix(SQLITE)).exists():
        return f"expected the runs in {beside}, found no database"
    client = MlflowClient(configured or beside)
    if configured is None and not is_beside(beside, client.get_run(run["run_id"]).info.artifact_uri):
        return f"expected artifacts in {artifact_folder(beside)}, found a run that keeps them elsewhere"
    client.log_artifact(run["run_id"], str(path))
    return None
