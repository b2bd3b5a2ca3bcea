"""Trains a network per fold: ``run training --folds 3`` trains in ``fold_0``, ``fold_1``, ``fold_2``.

Each network leaves out a third of the training patients. Together they choose the regions of every film by a network
that has not seen it (``--fold_dir`` of enhancing and zooming, :mod:`.super_resolution.out_of_fold`). Each fold is an
ordinary run in its own folder, so that the same command continues an interrupted set.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from typing import Any

from .common.numbered_folders import numbered_folder
from .common.setting_checks import check_settings
from .data.datalist import load_datalist, write_datalist
from .data.folds import without_folds
from .seed_runs import folder_setting, is_path
from .tracking import default_uri
from .workflow import Expression, lock_output, merged_config, run_workflow  # noqa: TID251 - reads typed values

logger = logging.getLogger(__name__)


def run_folds(folds: int, *, overlays: Sequence[str] = (), overrides: Mapping[str, Any] | None = None) -> None:
    """Run the workflow ``training`` once for each fold.

    Args:
        folds: number K of networks; each is trained without one K-th of the training patients.
        overlays: see :func:`.workflow.run_workflow`.
        overrides: see :func:`.workflow.run_workflow`; ``output_dir`` is the folder above those of the folds.

    Raises:
        ValueError: the output folder has folds that are not among them, or there are fewer patients than folds.
    """
    overrides = dict(overrides or {})
    check_settings({"folds": folds})
    settings = {key: Expression(value) for key, value in merged_config("training", overlays).items()} | overrides
    group, dataset_dir = folder_setting(settings, "output_dir"), folder_setting(settings, "dataset_dir")
    given = settings["datalist_file"]
    source = folder_setting(settings, "datalist_file") if is_path(given) else dataset_dir / "datalist.json"
    folders = [numbered_folder(group, "fold", number) for number in range(folds)]
    further = sorted(path.name for path in group.glob("fold_*") if path not in folders)
    if further:
        raise ValueError(
            f"output_dir: {group}: also holds {', '.join(further)}; expected {folds} folds only; set another "
            "--output_dir"
        )
    shared = {"keep": "last", "cache_dir": group / "cache", "tracking_uri": default_uri(group)} | overrides
    datalist = load_datalist(source, dataset_dir)
    rank = int(os.environ.get("RANK", 0))
    with lock_output(group, "training", rank):
        for number, (out, fold) in enumerate(zip(folders, without_folds(datalist, folds), strict=True)):
            logger.info("fold %d of %d", number, folds)
            if rank == 0:
                out.mkdir(parents=True, exist_ok=True)
                write_datalist(fold, out / "datalist.json", dataset_dir)
            run_workflow(
                "training",
                overlays=overlays,
                overrides={**shared, "output_dir": out, "datalist_file": out / "datalist.json"},
            )
