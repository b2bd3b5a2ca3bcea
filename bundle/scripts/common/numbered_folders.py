"""Output folders of several trainings: ``seed_0``, ``seed_1``, …, or ``fold_0``, ``fold_1``, …."""

from __future__ import annotations

import re
from pathlib import Path


def numbered_folder(folder: str | Path, kind: str, number: int) -> Path:
    """Folder of one training below the output folder of all.

    Args:
        folder: output folder of all trainings.
        kind: ``seed`` or ``fold``.
        number: seed, or number of the fold.
    """
    return Path(folder) / f"{kind}_{number}"


def numbered_folders(folder: str | Path, kind: str) -> dict[int, Path]:
    """Folders by number, in ascending order; empty for the output folder of a single training, or one that is missing.

    Args:
        folder: output folder of all trainings.
        kind: ``seed`` or ``fold``.
    """
    pattern = re.compile(rf"{kind}_(0|[1-9]\d*)")
    found = {
        int(name[1]): path
        for path in Path(folder).glob(f"{kind}_*")
        if path.is_dir() and (name := pattern.fullmatch(path.name))
    }
    return dict(sorted(found.items()))
