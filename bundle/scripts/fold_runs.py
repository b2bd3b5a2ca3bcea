"""Trains a network per fold, and evaluates or calibrates them: ``run training --folds 3`` trains in ``fold_0``, ….

Each network leaves out a third of the training patients. Together they predict as one (``predict --model FOLDER``), and
choose the regions of every film by a network that has not seen it (``--fold_dir`` of enhancing and zooming,
:mod:`.super_resolution.out_of_fold`). Each fold is an ordinary run in its own folder, so that the same command
continues an interrupted set.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from .common.atomic import make_folder, write_json
from .common.numbered_folders import numbered_folder, numbered_folders
from .common.setting_checks import check_settings
from .common.text_file import read_json
from .data.datalist import Datalist, load_datalist, write_datalist
from .data.folds import without_folds
from .overrides import Expression  # noqa: TID251 - reads typed values
from .path_settings import folder_setting, is_path, plain
from .tracking import default_uri
from .workflow import lock_output, merged_config, run_workflow

logger = logging.getLogger(__name__)


def run_folds(
    folds: int,
    *,
    fold: int | None = None,
    overlays: Sequence[str] = (),
    overrides: Mapping[str, Any] | None = None,
) -> None:
    """Run the workflow ``training`` once for each fold.

    Args:
        folds: number K of networks; each is trained without one K-th of the training patients.
        fold: number of the only fold to train now, from 0, so that several machines can share a set; ``None``: all.
        overlays: see :func:`.workflow.run_workflow`.
        overrides: see :func:`.workflow.run_workflow`; ``output_dir`` is the folder above those of the folds.

    Raises:
        ValueError: there is no such fold, the output folder has folds that are not among them, or there are fewer
            patients than folds.
    """
    check_settings({"folds": folds} | ({} if fold is None else {"fold": fold}))
    if fold is not None and fold >= folds:
        raise ValueError(f"fold: expected a number from 0 to {folds - 1} with --folds {folds}, found {fold}; set one")
    settings = _settings("training", overlays, overrides)
    group, dataset_dir = (folder_setting(settings, key, "folds") for key in ("output_dir", "dataset_dir"))
    folders = [numbered_folder(group, "fold", number) for number in range(folds)]
    further = sorted(path.name for path in group.glob("fold_*") if path not in folders)
    if further:
        raise ValueError(
            f"output_dir: {group}: also holds {', '.join(further)}; expected {folds} folds only; set another "
            "--output_dir"
        )
    shared = {"keep": "last", "cache_dir": group / "cache", "tracking_uri": default_uri(group)} | dict(overrides or {})
    datalist = load_datalist(_datalist_file(settings, dataset_dir), dataset_dir)
    rank = int(os.environ.get("RANK", 0))
    # Fold by fold, each run reserves its own folder; a set that is trained as a whole reserves that of all.
    with lock_output(group, "training", rank) if fold is None else nullcontext():
        if rank == 0:  # all of them at once, so that an unfinished set can be told from a finished one
            for out, part in zip(folders, without_folds(datalist, folds), strict=True):
                make_folder(out)
                write_datalist(part, out / "datalist.json", dataset_dir)
        for number in range(folds) if fold is None else [fold]:
            logger.info("fold %d of %d", number, folds)
            out = folders[number]
            run_workflow(
                "training",
                overlays=overlays,
                overrides={**shared, "output_dir": out, "datalist_file": out / "datalist.json"},
            )


def holds_folds(workflow: str, *, overlays: Sequence[str] = (), overrides: Mapping[str, Any] | None = None) -> bool:
    """Whether the output folder of a workflow has folds, and no other model is named.

    Args:
        workflow: ``calibrating`` or ``evaluating``; others have no folds to measure.
        overlays: see :func:`.workflow.run_workflow`.
        overrides: see :func:`.workflow.run_workflow`.
    """
    if workflow not in ("calibrating", "evaluating") or "model_dir" in (overrides or {}):
        return False
    output_dir = _settings(workflow, overlays, overrides)["output_dir"]
    return is_path(output_dir) and bool(numbered_folders(plain(output_dir), "fold"))


def measure_folds(workflow: str, *, overlays: Sequence[str] = (), overrides: Mapping[str, Any] | None = None) -> None:
    """Calibrate or evaluate the networks of the folds as one model; the evaluation ends with a cross-validation.

    Each network is then evaluated on the training films that it left out, with the results in its own folder, and the
    macro-AUROC of all folds is written to ``cross_validation.json``.

    Args:
        workflow: ``calibrating`` or ``evaluating``.
        overlays: see :func:`.workflow.run_workflow`.
        overrides: see :func:`.workflow.run_workflow`; ``output_dir`` is the folder above those of the folds.

    Raises:
        FileNotFoundError: the training of a fold is not finished.
        ValueError: see :func:`.workflow.run_workflow`.
    """
    given = dict(overrides or {})
    settings = _settings(workflow, overlays, given)
    group, dataset_dir = (folder_setting(settings, key, "folds") for key in ("output_dir", "dataset_dir"))
    run_workflow(workflow, overlays=overlays, overrides={**given, "model_dir": group})
    if workflow == "calibrating":
        return
    datalist = load_datalist(_datalist_file(settings, dataset_dir), dataset_dir)
    shared = {"cache_dir": group / "cache", "tracking_uri": default_uri(group)} | given
    shared |= {"split": "test", "base_dir": None}
    folds: dict[str, Any] = {}
    for number, out in numbered_folders(group, "fold").items():
        part = _left_out(datalist, load_datalist(out / "datalist.json", dataset_dir))
        if part is None:
            logger.info("%s was not trained on this datalist, so there is no cross-validation", out)
            return
        write_datalist(part, out / "left_out.json", dataset_dir)
        own = {"output_dir": out, "model_dir": out / "model", "datalist_file": out / "left_out.json"}
        run_workflow(workflow, overlays=overlays, overrides={**shared, **own})
        report = read_json(out / "metrics.json", "metrics", "run the evaluation again")
        folds[str(number)] = {"n_images": len(part.splits["test"])} | {
            key: report["macro"][key] for key in ("auroc", "auroc_ci")
        }
    _write_cross_validation(folds, group)


def _settings(workflow: str, overlays: Sequence[str], overrides: Mapping[str, Any] | None) -> dict[str, Any]:
    """Settings of a workflow, those of the files marked as what may be evaluated."""
    written = merged_config(workflow, overlays)
    return {key: Expression(value) for key, value in written.items()} | dict(overrides or {})


def _datalist_file(settings: Mapping[str, Any], dataset_dir: Path) -> Path:
    """Path of the datalist, by default in ``dataset_dir``."""
    given = is_path(settings["datalist_file"])
    return folder_setting(settings, "datalist_file", "folds") if given else dataset_dir / "datalist.json"


def _left_out(datalist: Datalist, fold: Datalist) -> Datalist | None:
    """Training films of a datalist that a fold was not trained on, as its test split.

    Returns:
        ``None`` if the fold was trained on films that are not among the training films.
    """
    taught = {os.path.realpath(item["image"]) for item in fold.splits["training"]}
    films = {os.path.realpath(item["image"]): item for item in datalist.splits["training"]}
    if not taught < films.keys():
        return None
    left_out = [item for path, item in films.items() if path not in taught]
    return replace(datalist, splits={"training": [], "validation": [], "test": left_out})


def _write_cross_validation(folds: Mapping[str, Any], group: Path) -> None:
    """Write ``cross_validation.json`` and log its result; logits of different networks are not mixed in one AUROC."""
    values = [row["auroc"] for row in folds.values() if row["auroc"] is not None]
    mean = float(np.mean(values)) if values else None
    deviation = float(np.std(values, ddof=1)) if len(values) > 1 else None
    content = {"macro_auroc": mean, "macro_auroc_std": deviation, "folds": folds}
    path = write_json(group / "cross_validation.json", content)
    logger.info("cross-validated macro-AUROC: mean %s, standard deviation %s over folds: %s", mean, deviation, path)
