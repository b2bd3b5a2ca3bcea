"""What a run was: versions, settings, data, seed; printed class table; all of it in files and in MLflow."""

from __future__ import annotations

import logging
import subprocess
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from ignite.engine import Engine, Events

from ..common.atomic import write_json
from ..data.class_distribution import class_distribution, format_class_table
from ..data.datalist import Datalist
from ..tracking import Tracker
from .selection import ModelSelection

logger = logging.getLogger(__name__)

_PACKAGES = ("cxr-attention-sr", "monai", "torch", "transformers", "diffusers", "pydicom", "numpy", "mlflow")


class RunRecord:
    """Handler of the training engine: ``run_report.json``, class table, and the MLflow run's life.

    Args:
        output_dir: where ``run_report.json`` and ``class_distribution.json`` go.
        settings: hyper-parameters.
        datalist: the data of the run.
        tracker: MLflow run; opened at the start, closed at the end, whatever the end.
        selection: for the best epoch.
        rank: only rank 0 writes.
    """

    def __init__(
        self,
        output_dir: str | Path,
        settings: Mapping[str, Any],
        datalist: Datalist,
        tracker: Tracker,
        selection: ModelSelection,
        rank: int = 0,
    ) -> None:
        self.output_dir, self.settings, self.datalist = Path(output_dir), dict(settings), datalist
        self.tracker, self.selection, self.rank = tracker, selection, rank

    def attach(self, engine: Engine) -> None:
        """Record the start, the end, and a failure."""
        if self.rank == 0:
            engine.add_event_handler(Events.STARTED, self.start)
            engine.add_event_handler(Events.COMPLETED, self.complete)
            self.tracker.attach(engine)

    def start(self, engine: Engine) -> None:
        """Write the record and print the paper's class table."""
        table = class_distribution(self.datalist)
        logger.info("class distribution\n%s", format_class_table(self.datalist))
        write_json(self.output_dir / "class_distribution.json", table)
        write_run_report(self.output_dir, self.settings, self.tracker.config)
        self.tracker.start({name: value for name, value in self.settings.items() if name != "labels"})
        self.tracker.log_artifacts(self.output_dir / "class_distribution.json", self.output_dir / "run_report.json")

    def complete(self, engine: Engine) -> None:
        """Log the selected epoch and close the MLflow run."""
        self.tracker.log_metrics(
            {"best_val_macro_auroc": self.selection.best, "best_epoch": self.selection.best_epoch},
            step=engine.state.epoch,
        )
        self.tracker.log_artifacts(self.output_dir / "history.csv", self.output_dir / "model" / "metadata.json")
        self.tracker.close()
        logger.info("best epoch %d, validation macro-AUROC %.4f", self.selection.best_epoch, self.selection.best)


def write_run_report(output_dir: Path, settings: Mapping[str, Any], config: Mapping[str, Any]) -> None:
    """Write ``run_report.json``: versions, git commit, settings, configuration as run."""
    report = {
        "versions": _package_versions(),
        "git_commit": _git_commit(),
        "settings": dict(settings),
        "config": dict(config),
    }
    write_json(output_dir / "run_report.json", report)


def _package_versions() -> dict[str, str | None]:
    """Installed version of each package that results depend on."""
    versions: dict[str, str | None] = {}
    for package in _PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            versions[package] = None
    return versions


def _git_commit() -> str | None:
    """Commit of the repository that this file is in; ``None`` outside one."""
    command = ["git", "-C", str(Path(__file__).parent), "rev-parse", "HEAD"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None
