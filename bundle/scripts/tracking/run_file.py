"""``mlflow_runs.json`` of an output folder: the latest run of each workflow that wrote to it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from ..common.atomic import write_json

_NAME = "mlflow_runs.json"


def read_runs(output_dir: str | Path) -> dict[str, dict[str, str]]:
    """Latest ``run_id`` and ``tracking_uri`` of each workflow that wrote to a folder; empty without tracked workflows.

    A damaged file counts as empty, because tracking is not worth ending the work.
    """
    try:
        runs = json.loads((Path(output_dir) / _NAME).read_text(encoding="utf-8"))
        return {name: {key: str(run[key]) for key in ("run_id", "tracking_uri")} for name, run in runs.items()}
    except (OSError, ValueError, AttributeError, KeyError, TypeError):
        return {}


def add_run(output_dir: str | Path, workflow: str, run: Mapping[str, str]) -> None:
    """Make a run the latest one of its workflow.

    Args:
        output_dir: output folder of the workflow.
        workflow: name of the workflow.
        run: ``run_id`` and ``tracking_uri``.
    """
    write_json(Path(output_dir) / _NAME, {**read_runs(output_dir), workflow: dict(run)})
