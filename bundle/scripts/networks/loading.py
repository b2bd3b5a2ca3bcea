"""Loads the network of a model folder, whichever class it has, and hashes the weights of a model."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from ..common.kept_hashes import FileState
from ..common.weight_files import find_weight_files
from .model_folder import find_model_folder
from .model_members import member_folders
from .model_metadata import read_model_metadata
from .pretrained import MODEL_WEIGHTS
from .vit_multilabel import ViTMultilabel
from .zoom import ZoomViT


def load_vit_multilabel(folder: str | Path, labels: Sequence[str] | None = None) -> ViTMultilabel:
    """Load the network of a model folder, in evaluation mode.

    Args:
        folder: folder that :func:`.model_folder.save_vit_multilabel` wrote, or hub id of such a folder.
        labels: labels of the data, in order; ``None`` accepts any labels.

    Raises:
        FileNotFoundError: the folder is not a model folder.
        ValueError: the labels differ, a setting is out of range, or the weights do not fit the architecture.
    """
    folder = find_model_folder(folder)
    kind = ZoomViT if "zoom" in read_model_metadata(folder)["preprocessing"] else ViTMultilabel
    return kind.from_pretrained(folder, labels)


def weights_sha256(folder: str | Path | Sequence[str | Path]) -> str:
    """SHA-256 over the weight files of a model folder, in the order of their names.

    Args:
        folder: model folder, or several as for :func:`.model_members.member_folders`, whose hashes are joined to one.
    """
    hashes = [_folder_sha256(one) for one in member_folders(folder)]
    return hashes[0] if len(hashes) == 1 else hashlib.sha256("|".join(hashes).encode()).hexdigest()


def _folder_sha256(folder: Path) -> str:
    """SHA-256 over the weight files of one network."""
    paths = find_weight_files(folder, MODEL_WEIGHTS)
    return _files_sha256(tuple(paths), tuple(FileState.of(path) for path in paths))


@lru_cache(maxsize=64)
def _files_sha256(paths: tuple[Path, ...], states: tuple[FileState, ...]) -> str:
    """SHA-256 over files; their states are part of the key of this cache, so a changed file is read again."""
    digest = hashlib.sha256()
    for path in paths:
        digest.update(path.read_bytes())
    return digest.hexdigest()
