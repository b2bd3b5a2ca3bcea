"""Where the networks of a model are: one model folder, or several whose predictions are averaged.

Several are given as a list of model folders and hub ids, or as the output folder of ``run training --folds`` or
``--seeds``. Such a folder also receives the calibration of its networks together; a list has no place for one.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..common.numbered_folders import numbered_folders
from .model_folder import find_model_folder

_KINDS = ("fold", "seed")


def find_model(source: str | Path | Sequence[str | Path]) -> Path | list[Path]:
    """Find a model: folders as they are, and the snapshots of hub ids, which are downloaded if need be.

    Args:
        source: model folder, hub id, output folder of several trainings, or a list of model folders and hub ids.

    Returns:
        One folder, or a list of at least two.

    Raises:
        FileNotFoundError: the hub does not have a model or cannot be reached.
        PermissionError: the hub does not allow it.
        ValueError: the list is empty or names a folder twice.
    """
    if isinstance(source, str | Path):
        return find_model_folder(source)
    folders = [find_model_folder(one) for one in source]
    twice = next((one for one in folders if [other.resolve() for other in folders].count(one.resolve()) > 1), None)
    if twice or not folders:
        found = f"{twice} twice" if twice else "an empty list"
        raise ValueError(f"model_dir: expected different model folders, found {found}; name each once")
    return folders[0] if len(folders) == 1 else folders


def member_folders(source: str | Path | Sequence[str | Path]) -> list[Path]:
    """Model folders of the networks of a model, in the order of the list, or by fold or seed.

    Args:
        source: result of :func:`find_model`; a folder without trainings ``fold_0``, ``seed_0``, … stands for itself.

    Raises:
        FileNotFoundError: a training of the folder is not finished.
        ValueError: the folder has folds beside seeds, or a single one of them.
    """
    if not isinstance(source, str | Path):
        return [Path(one) for one in source]
    folder = Path(source)
    trainings = {kind: list(numbered_folders(folder, kind).values()) for kind in _KINDS}
    found = [path for paths in trainings.values() for path in paths]
    if (folder / "metadata.json").is_file() or not found:
        return [folder]
    if all(trainings.values()) or len(found) == 1:
        names = ", ".join(path.name for path in found)
        raise ValueError(
            f"model_dir: {folder}: expected at least two folds, or at least two seeds, found {names}; name one model "
            f"folder ({found[0] / 'model'}), or list those that belong together"
        )
    models = [path / "model" for path in found]
    for model in models:
        if not any(model.glob("*.safetensors")):
            raise FileNotFoundError(
                f"model_dir: {model}: training not finished; expected its weights, found none; run the training again, "
                "it continues, or list the finished models"
            )
    return models


def shared_folder(source: str | Path | Sequence[str | Path]) -> Path | None:
    """Folder of the calibration and the measure of novelty of a model; ``None`` for a list of models."""
    return Path(source) if isinstance(source, str | Path) else None


def training_folders(source: str | Path | Sequence[str | Path]) -> dict[str, Path]:
    """Output folders of the trainings of a model, by a name for the links between MLflow runs."""
    folders = [folder.parent for folder in member_folders(source)]
    return {"model": folders[0]} if len(folders) == 1 else {f"model_{n}": folder for n, folder in enumerate(folders)}
