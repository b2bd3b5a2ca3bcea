"""Output folders of several trainings: ``run training --seeds 3`` writes ``seed_0``, ``seed_1`` and ``seed_2``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..common.numbered_folders import numbered_folder, numbered_folders
from ..common.printable import quoted
from ..common.text_file import read_json

_RECORD = "run_report.json"
_DATA = "data_sha256"  # differs between the arms, because the enhanced copy of a data set has other files
# The share of positive labels, which is the same unless an arm was trained on fewer or other films.
_FILMS = "prevalence"


def seed_folder(folder: str | Path, seed: int) -> Path:
    """Folder of one seed below the output folder of all."""
    return numbered_folder(folder, "seed", seed)


def seed_folders(folder: str | Path) -> dict[int, Path]:
    """Folders by seed, in ascending order; empty for the output folder of a single training, or one that is missing."""
    return numbered_folders(folder, "seed")


def first_training(folder: str | Path) -> Path:
    """Folder of the first seed, or ``folder`` itself if it is that of a single training."""
    return next(iter(seed_folders(folder).values()), Path(folder))


def check_seeds_agree(base_dir: str | Path, other_dir: str | Path) -> None:
    """Check that two arms were trained with the same seeds.

    Args:
        base_dir: output folder of the base, with a folder for each seed, or of a single training.
        other_dir: output folder of the other arm.

    Raises:
        ValueError: one arm has seeds that the other has not, or only one of them has several.
    """
    base, other = sorted(seed_folders(base_dir)), sorted(seed_folders(other_dir))
    if base != other:
        raise ValueError(
            f"{base_dir} and {other_dir}: seeds differ; expected the same in both arms, found {_listed(base)} and "
            f"{_listed(other)}; train both with the same --seeds, the command continues an interrupted set"
        )


def _listed(seeds: list[int]) -> str:
    return f"seeds {', '.join(map(str, seeds))}" if seeds else "a single training"


def check_settings_of_seeds(base: Mapping[int, Path], other: Mapping[int, Path]) -> list[str]:
    """Check that the trainings of each arm differ in their seed only, and compare the arms.

    Args:
        base: folders of the base by seed.
        other: folders of the other arm by seed.

    Returns:
        Cautions: settings that the two arms do not share.

    Raises:
        FileNotFoundError: a training has no record.
        ValueError: a folder holds another seed than its name says, or the settings or the data set changed.
    """
    first, second = (_settings_of_arm(arm) for arm in (base, other))
    names = [name for name in sorted({*first, *second} - {_DATA}) if first.get(name) != second.get(name)]
    changed = [
        "the training films, whose share of positive labels differs"
        if name == _FILMS
        else f"{name} ({first.get(name)} and {second.get(name)})"
        for name in names
    ]
    if not changed:
        return []
    return [
        "The two arms were not trained alike, so that the enhancement is not the only difference: "
        f"{'; '.join(changed)}."
    ]


def _settings_of_arm(folders: Mapping[int, Path]) -> dict[str, Any]:
    """Settings that all trainings of an arm share."""
    shared: dict[str, Any] = {}
    for seed, folder in folders.items():
        settings = _read_settings(folder / _RECORD)
        if settings.pop("seed", None) != seed:
            raise ValueError(
                f"{folder / _RECORD}: another seed; expected {seed}, the number of its folder; train it again"
            )
        shared = shared or settings
        changed = sorted(name for name in {*shared, *settings} if shared.get(name) != settings.get(name))
        if changed:
            raise ValueError(
                f"{folder / _RECORD}: trained otherwise than the seeds before it; expected the same settings and data, "
                f"found others for {', '.join(changed)}; remove {folder} and run the training again"
            )
    return shared


def _read_settings(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no record of the training; expected its settings; train this seed again")
    content = read_json(path, "the record of a training", "train this seed again")
    settings = content.get("settings") if isinstance(content, dict) else None
    if not isinstance(settings, dict):
        raise ValueError(
            f"{path}: no settings; expected the record of a training, found {quoted(content)}; train this seed again"
        )
    return dict(settings)
