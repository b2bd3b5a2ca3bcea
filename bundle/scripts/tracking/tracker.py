"""MLflow run of a workflow.

The environment variable ``MLFLOW_TRACKING_URI`` takes precedence over the setting, as everywhere in MLflow. A run
contains only metrics, settings and files of this package, and never image metadata or paths of images.
"""

from __future__ import annotations

import atexit
import hashlib
import itertools
import logging
import math
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .log_text import first_line, metric_name, without_password
from .recorded_config import config_as_run
from .run_file import add_run, read_runs
from .store import SQLITE, artifact_folder, default_uri, is_beside, limit_waiting, new_database, ui_command

if TYPE_CHECKING:
    from ignite.engine import Engine

logger = logging.getLogger(__name__)

_EXPERIMENT = "cxr-attention-sr"
_RETRY_SECONDS = 60.0
_MEASURES = ("evaluating", "comparison")  # they write to the folder of the model that they measure
_Call = Callable[[Any, str], Any]  # function of an MLflow client and a run id


class Tracker:
    """MLflow run of a workflow.

    Tracking never ends or delays the work. A call of MLflow that fails, for example because its database is locked,
    read-only, damaged or on a full disk, or because its server does not answer, is kept and repeated later. The first
    failure is logged as a warning, and so are values that could not be recorded until the end.

    Args:
        output_dir: output folder of the workflow; its file ``mlflow_runs.json`` names the latest run for later stages.
        workflow: name of the stage (``training``, ``enhancing``, …), which is a tag and the first part of the run name.
        uri: MLflow tracking URI, or ``none``; default: ``mlruns.db`` beside ``output_dir``.
        sources: output folders of the stages that this one builds on; the ids of their runs become tags.
        rank: rank of this process; only rank 0 tracks.

    Attributes:
        run_id: id of the open run; ``None`` before MLflow has made it and after it is closed.
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
        self.started = False
        self.pending: list[_Call] = []
        self.retry_at: float | None = None  # time of the next attempt after a failure
        self.rejected = False  # whether an entry was not accepted

    def start(self, params: Mapping[str, Any]) -> None:
        """Open the run once, and log its parameters and the configuration of the workflow."""
        if not self.enabled or self.started:
            return
        self.started = True
        atexit.register(self.close, "KILLED")
        self.pending = [self.remember_run, self.end_interrupted_run(read_runs(self.output_dir).get(self.workflow))]
        for name, value in params.items():
            self.pending.append(_call("log_param", name, str(value)[:6000]))
        if self.config:
            self.pending.append(_call("log_dict", self.config, "config.json"))
        self.record()

    def record(self, *calls: _Call, wait: bool = True) -> None:
        """Make MLflow calls in their order, after those that failed earlier.

        Args:
            calls: functions of the client and the run id.
            wait: after a failure, do not try again before a minute has passed.
        """
        if not self.started:
            return
        self.pending.extend(calls)
        if wait and self.retry_at is not None and time.monotonic() < self.retry_at:
            return
        try:
            if self.run_id is None:
                self.open_run()
            while self.pending:
                self.make(self.pending[0])
                del self.pending[0]
        except Exception as error:  # whatever MLflow, its database or its server raises
            if self.retry_at is None:
                logger.warning(
                    "MLflow: not recorded in %s (%s: %s); the work goes on and recording is tried again later",
                    without_password(self.uri), type(error).__name__, first_line(error),
                )  # fmt: skip
            self.retry_at = time.monotonic() + _RETRY_SECONDS

    def make(self, call: _Call) -> None:
        """Make a call; a value that MLflow does not accept is left out, because a repetition would not help."""
        from mlflow.exceptions import MlflowException

        try:
            call(self.client, self.run_id)  # type: ignore[arg-type]
        except MlflowException as error:
            if error.error_code not in ("INVALID_PARAMETER_VALUE", "RESOURCE_DOES_NOT_EXIST"):
                raise
            if not self.rejected:
                logger.warning("MLflow: an entry was not accepted (%s); the work goes on", first_line(error))
            self.rejected = True

    def open_run(self) -> None:
        """Make the client, the experiment and the run."""
        limit_waiting()
        with new_database(self.uri):
            from mlflow.tracking import MlflowClient

            self.client = MlflowClient(self.uri)
            experiment = self.experiment_id()
        run = self.client.create_run(
            experiment, run_name=_unique_name(self.workflow), tags={"workflow": self.workflow, **self.links()}
        )
        self.run_id = run.info.run_id

    def remember_run(self, client: Any, run_id: str) -> None:
        """Write the run id to the output folder."""
        add_run(self.output_dir, self.workflow, {"run_id": run_id, "tracking_uri": self.uri})

    def end_interrupted_run(self, earlier: Mapping[str, str] | None) -> _Call:
        """Call that marks the earlier run of this workflow in this folder as killed if it was never closed."""

        def end(client: Any, run_id: str) -> None:
            if earlier is None or earlier["tracking_uri"] != self.uri or earlier["run_id"] == run_id:
                return
            run = client.get_run(earlier["run_id"])
            if run.info.status == "RUNNING" and run.data.tags.get("workflow") == self.workflow:
                client.set_terminated(earlier["run_id"], "KILLED")

        return end

    def experiment_id(self) -> str:
        """Id of the first usable experiment among those of this package; one is made if there is none.

        An experiment that was deleted is not used. Neither is one that keeps its artifacts elsewhere, because its
        database was moved or comes from somebody else.
        """
        location = artifact_folder(self.uri).as_uri() if self.uri.startswith(SQLITE) else None
        names = [_EXPERIMENT]
        if location:
            names.append(f"{_EXPERIMENT}-{hashlib.sha256(location.encode()).hexdigest()[:8]}")
        for name in itertools.chain(names, (f"{names[-1]}-{number}" for number in itertools.count(2))):
            experiment = self.client.get_experiment_by_name(name)
            if experiment is None:
                return self.client.create_experiment(name, artifact_location=location)
            beside = location is None or is_beside(self.uri, experiment.artifact_location)
            if experiment.lifecycle_stage == "active" and beside:
                return experiment.experiment_id
        raise AssertionError("unreachable")

    def links(self) -> dict[str, str]:
        """Tags with the run ids of the stages that this one builds on; what measured them does not count."""
        links: dict[str, str] = {}
        for name, folder in self.sources.items():
            made = [run["run_id"] for workflow, run in read_runs(folder).items() if workflow not in _MEASURES]
            links |= {f"{name}_run_id": run_id for run_id in made[:1]}
        return links

    def log_metrics(self, metrics: Mapping[str, float | None], step: int = 0) -> None:
        """Log numbers; missing and non-finite values are left out, because MLflow cannot store them.

        Args:
            metrics: values by name; a name may contain any label.
            step: epoch or iteration.
        """
        now = int(1000 * time.time())
        self.record(
            *(
                _call("log_metric", metric_name(name), value, timestamp=now, step=step)
                for name, value in metrics.items()
                if value is not None and math.isfinite(value)
            )
        )

    def describe(self, text: str) -> None:
        """Set the description of the run, which MLflow shows above its metrics."""
        self.record(_call("set_tag", "mlflow.note.content", text))

    def log_artifacts(self, *paths: str | Path) -> None:
        """Copy files that exist into the run."""
        self.record(*(_call("log_artifact", str(path)) for path in paths if Path(path).exists()))

    def close(self, status: str = "FINISHED") -> None:
        """End the run once, and log how to look at it."""
        if not self.started:
            return
        self.record(_call("set_terminated", status), wait=False)
        self.started, self.run_id = False, None
        atexit.unregister(self.close)
        if self.pending:
            logger.warning(
                "MLflow: %d entries were not recorded in %s; the files in %s are complete",
                len(self.pending), without_password(self.uri), self.output_dir,
            )  # fmt: skip
        elif status == "FINISHED":
            logger.info("MLflow run recorded; look at it with: %s", ui_command(self.uri))
        self.pending = []

    def fail(self, error: BaseException) -> None:
        """End the run that ``error`` stopped, as killed after Ctrl-C and else as failed, and raise the error."""
        self.close("KILLED" if isinstance(error, KeyboardInterrupt) else "FAILED")
        raise error

    @contextmanager
    def recording(self, params: Mapping[str, Any]) -> Iterator[None]:
        """Open a run before a block and close it after the block or its failure."""
        self.start(params)
        try:
            yield
        except BaseException as error:
            self.fail(error)
        self.close()

    def attach(self, engine: Engine) -> None:
        """End the run if ``engine`` fails; other code opens and finishes it."""
        from ignite.engine import Events

        engine.add_event_handler(Events.EXCEPTION_RAISED, lambda _, error: self.fail(error))


def _call(method: str, *args: Any, **kwargs: Any) -> _Call:
    """Call of a method of the MLflow client with the run id as its first argument."""
    return lambda client, run_id: getattr(client, method)(run_id, *args, **kwargs)


def _unique_name(workflow: str) -> str:
    """Run name that no other run has, because MONAI continues an unfinished run of the same name."""
    return f"{workflow}-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}"
