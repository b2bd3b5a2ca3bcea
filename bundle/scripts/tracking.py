"""MLflow runs of workflows: by default in an SQLite database beside the outputs, with links to the source runs.

The environment variable ``MLFLOW_TRACKING_URI`` takes precedence over the setting, as everywhere in MLflow. A run
contains only metrics, settings and files of this package, and never image metadata or paths of images.

An output folder, and the database beside it, may come from somebody else. Their contents never decide where files are
sent. A server is used only if the caller configured it, and artifacts of a database beside an output folder go only to
the folder ``mlruns`` beside the database.
"""

from __future__ import annotations

import atexit
import hashlib
import json
import logging
import math
import os
import re
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from .common.atomic import make_file, make_folder, write_json

if TYPE_CHECKING:
    from ignite.engine import Engine

logger = logging.getLogger(__name__)

_RUN_FILE = "mlflow_runs.json"
_EXPERIMENT = "cxr-attention-sr"
_SQLITE = "sqlite:///"


class Tracker:
    """One MLflow run.

    Args:
        output_dir: outputs of the workflow; ``mlflow_runs.json`` there names its latest run, for later stages.
        workflow: stage name (``training``, ``enhancing``, …): tag and first part of the run's name.
        uri: MLflow tracking URI, or ``none``; default: ``mlruns.db`` beside ``output_dir``.
        sources: output folders of the stages that this one builds on; their run ids become tags (base → enhanced → …).
        rank: in a distributed run only rank 0 tracks.
    """

    def __init__(
        self,
        output_dir: str | Path,
        workflow: str,
        uri: str | None = None,
        sources: Mapping[str, str | Path] | None = None,
        rank: int = 0,
    ) -> None:
        self.output_dir, self.workflow = Path(output_dir), workflow
        self.enabled = uri != "none" and rank == 0
        self.uri = os.environ.get("MLFLOW_TRACKING_URI") or uri or default_uri(self.output_dir)
        self.sources = dict(sources or {})
        self.config = config_as_run()
        self.run_id: str | None = None
        self.client: Any = None

    def start(self, params: Mapping[str, Any]) -> None:
        """Open the run, once, and log its parameters and the configuration as run."""
        if not self.enabled or self.run_id is not None:
            return
        from mlflow.tracking import MlflowClient

        if self.uri.startswith(_SQLITE):
            make_file(self.uri.removeprefix(_SQLITE))  # SQLite would leave its mode to the umask
            make_folder(_artifact_folder(self.uri))
        self.client = MlflowClient(self.uri)
        run = self.client.create_run(
            self.experiment_id(), run_name=_unique_name(self.workflow), tags={"workflow": self.workflow, **self.links()}
        )
        self.run_id = run.info.run_id
        atexit.register(self.close, "KILLED")
        for name, value in params.items():
            self.client.log_param(self.run_id, name, str(value)[:6000])
        if self.config:
            self.client.log_dict(self.run_id, self.config, "config.json")
        run = {"run_id": self.run_id, "tracking_uri": self.uri}
        write_json(self.output_dir / _RUN_FILE, {**_read_runs(self.output_dir), self.workflow: run})

    def experiment_id(self) -> str:
        """Id of the experiment, made on first use with its artifacts beside the database.

        The experiment of a database that was moved, or that somebody else made, keeps its artifacts elsewhere; it is
        left alone, and another experiment is made.
        """
        location, name = None, _EXPERIMENT
        if self.uri.startswith(_SQLITE):
            location = _artifact_folder(self.uri).as_uri()
        experiment = self.client.get_experiment_by_name(name)
        if experiment is not None and location and not _is_beside(self.uri, experiment.artifact_location):
            name = f"{_EXPERIMENT}-{hashlib.sha256(location.encode()).hexdigest()[:8]}"
            experiment = self.client.get_experiment_by_name(name)
        if experiment is not None:
            return experiment.experiment_id
        return self.client.create_experiment(name, artifact_location=location)

    def links(self) -> dict[str, str]:
        """Run ids of the stages that this one builds on; an evaluation in their folder made nothing to build on."""
        links: dict[str, str] = {}
        for name, folder in self.sources.items():
            made = [run["run_id"] for workflow, run in _read_runs(folder).items() if workflow != "evaluating"]
            links |= {f"{name}_run_id": run_id for run_id in made[:1]}
        return links

    def log_metrics(self, metrics: Mapping[str, float | None], step: int = 0) -> None:
        """Log scalars; missing and non-finite values are left out (MLflow cannot store them).

        Args:
            metrics: names, which may contain any label, and values.
            step: epoch or iteration.
        """
        if self.run_id is None:
            return
        for name, value in metrics.items():
            if value is not None and math.isfinite(value):
                self.client.log_metric(self.run_id, _metric_name(name), value, step=step)

    def log_artifacts(self, *paths: str | Path) -> None:
        """Copy files that exist into the run."""
        if self.run_id is None:
            return
        for path in map(Path, paths):
            if path.exists():
                self.client.log_artifact(self.run_id, str(path))

    def close(self, status: str = "FINISHED") -> None:
        """End the run, once, and say how to look at it."""
        if self.run_id is None:
            return
        run_id, self.run_id = self.run_id, None
        atexit.unregister(self.close)
        self.client.set_terminated(run_id, status)
        if status == "FINISHED":
            logger.info("MLflow run recorded; look at it with: %s", ui_command(self.uri))

    def fail(self, error: BaseException) -> None:
        """End the run that ``error`` stopped, killed at Ctrl-C, else failed, and let the error through."""
        self.close("KILLED" if isinstance(error, KeyboardInterrupt) else "FAILED")
        raise error

    @contextmanager
    def recording(self, params: Mapping[str, Any]) -> Iterator[None]:
        """A run around a block: opened before it, closed after it, whatever its end."""
        self.start(params)
        try:
            yield
        except BaseException as error:
            self.fail(error)
        self.close()

    def attach(self, engine: Engine) -> None:
        """End the run when ``engine`` fails; it is opened and finished by whoever has something to log."""
        from ignite.engine import Events

        engine.add_event_handler(Events.EXCEPTION_RAISED, lambda _, error: self.fail(error))


def _read_runs(output_dir: str | Path) -> dict[str, dict[str, str]]:
    """Latest ``run_id`` and ``tracking_uri`` of each workflow that wrote to a folder; empty when none was tracked."""
    path = Path(output_dir) / _RUN_FILE
    return json.loads(path.read_text()) if path.exists() else {}


def _metric_name(name: str) -> str:
    """Name that MLflow accepts: letters, digits and ``_ - . :`` and spaces stay.

    Another name, for example one with the label ``Nodule (<6 mm)``, gets underscores and a part of its SHA-256, so that
    two labels never share one metric.
    """
    accepted = re.sub(r"[^\w\-.: ]", "_", name)[:200]
    return name if accepted == name else f"{accepted}_{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def _artifact_folder(uri: str) -> Path:
    """Folder beside a SQLite database that holds the artifacts of its runs."""
    return Path(uri.removeprefix(_SQLITE)).with_name("mlruns").absolute()


def _is_beside(uri: str, location: str) -> bool:
    """Whether artifacts at ``location`` lie in the artifact folder of the SQLite database ``uri``."""
    parts = urlsplit(location)
    if parts.scheme != "file" or parts.netloc:
        return False
    return Path(unquote(parts.path)).resolve().is_relative_to(_artifact_folder(uri).resolve())


def attach_artifact(output_dir: str | Path, path: str | Path, uri: str | None = None) -> None:
    """Copy a file into the finished runs that wrote to a folder, or say why it was not copied.

    Args:
        output_dir: folder of the runs.
        path: file to copy.
        uri: MLflow tracking URI, or ``none``; default: ``MLFLOW_TRACKING_URI``, else the database beside the folder.
            A URI that is only written in the folder is not contacted.
    """
    runs = _read_runs(output_dir)
    configured = os.environ.get("MLFLOW_TRACKING_URI") or uri
    if not runs or configured == "none":
        return
    for run in runs.values():
        try:
            problem = _attach_to_run(run, configured, default_uri(output_dir), path)
        except Exception as error:  # tracking is auxiliary: the file itself is written
            problem = type(error).__name__
        if problem:
            logger.warning(
                "%s: not attached to MLflow; %s; to attach it to runs on a server, name the server with --tracking or "
                "MLFLOW_TRACKING_URI",
                path,
                problem,
            )


def _attach_to_run(run: Mapping[str, str], configured: str | None, beside: str, path: str | Path) -> str | None:
    """Copy a file into one run of :func:`_read_runs`; the reason when it is not copied."""
    from mlflow.tracking import MlflowClient

    if configured is not None and run["tracking_uri"] != configured:
        return f"expected runs at {configured}, found runs that were recorded elsewhere"
    if configured is None and not Path(beside.removeprefix(_SQLITE)).exists():
        return f"expected the runs in {beside}, found no database"
    client = MlflowClient(configured or beside)
    if configured is None and not _is_beside(beside, client.get_run(run["run_id"]).info.artifact_uri):
        return f"expected artifacts in {_artifact_folder(beside)}, found a run that keeps them elsewhere"
    client.log_artifact(run["run_id"], str(path))
    return None


def default_uri(output_dir: str | Path) -> str:
    """Sqlite database beside ``output_dir``, so that the stages of one experiment share it."""
    return f"{_SQLITE}{Path(output_dir).absolute().parent / 'mlruns.db'}"


def ui_command(uri: str) -> str:
    """Command that opens the MLflow UI on ``uri``."""
    return f"mlflow ui --backend-store-uri {uri}"


def _unique_name(workflow: str) -> str:
    """Run name that no other run has: MONAI would silently continue an unfinished run of the same name."""
    return f"{workflow}-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}"


def config_as_run() -> dict[str, Any]:
    """Return the merged configuration, with overrides, of the parser that builds the caller; empty outside one.

    The parser is found on the call stack. MONAI 1.6.1 hands a component its own arguments and nothing of the parser,
    its expressions see resolved values alone, and ``python -m monai.bundle run`` creates the parser in its own code,
    so that no function of this bundle could pass the configuration on.
    """
    from monai.bundle import ConfigParser  # noqa: TID251 - finds it, parses nothing

    frame = sys._getframe()
    while frame is not None:
        owner = frame.f_locals.get("self")
        if isinstance(owner, ConfigParser):
            return dict(json.loads(json.dumps(owner.config, default=str)))
        frame = frame.f_back  # type: ignore[assignment]
    return {}
