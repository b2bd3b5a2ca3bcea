"""``run_report.json``: what a run was made with."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from ..common.atomic import write_json

_PACKAGES = ("cxr-attention-sr", "monai", "torch", "transformers", "diffusers", "pydicom", "numpy", "mlflow")


def write_run_report(output_dir: Path, settings: Mapping[str, Any], config: Mapping[str, Any]) -> None:
    """Write ``run_report.json``: versions, git commit, settings, and the configuration of the run."""
    report = {
        "versions": _package_versions(),
        "git_commit": _git_commit(),
        "settings": dict(settings),
        "config": dict(config),
    }
    write_json(output_dir / "run_report.json", report)


def _package_versions() -> dict[str, str | None]:
    """Installed version of each package that affects the results; ``None`` where it is not installed."""
    versions: dict[str, str | None] = {}
    for package in _PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            versions[package] = None
    return versions


def _git_commit() -> str | None:
    """Commit of the git repository that contains this file; ``None`` outside a repository."""
    command = ["git", "-C", str(Path(__file__).parent), "rev-parse", "HEAD"]
    try:
        return subprocess.run(command, capture_output=True, encoding="utf-8", check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None
