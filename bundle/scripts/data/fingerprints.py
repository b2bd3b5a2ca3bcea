"""Record of the images that a model was trained on, saved with its weights to prevent an evaluation on them.

``training_images.safetensors`` holds, in sorted order, the first 8 bytes of the SHA-256 of each image file and of its
preprocessed pixels. A film is therefore recognised under another name, and in another file with equal pixels. Patients
are not recorded, not even as hashes, because a hospital's patient numbers are few enough to try them all. Loading a
datalist checks that no patient is in two of its splits.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from ..common.file_hashes import content_sha256
from ..common.progress import Progress
from ..common.weight_files import load_safetensors
from .dataset import RadiographDataset
from .image_cache import entry_checksum

logger = logging.getLogger(__name__)

TRAINING_IMAGES = "training_images.safetensors"
_LENGTH = 8  # bytes; with 10^6 training images, the chance that any of 10^4 other images matches one is below 10^-9


def _fingerprints(dataset: RadiographDataset) -> np.ndarray:
    """Fingerprints (N, 2) of the file and of the pixels of each image, as NumPy void scalars of 8 bytes."""
    numbers = Progress("reading checksums of images", len(dataset)).over(range(len(dataset)))
    pixels = b"".join(entry_checksum(dataset.entry(index))[:_LENGTH] for index in numbers)
    halves = dataset.digests[:, :_LENGTH], np.frombuffer(pixels, np.uint8).reshape(-1, _LENGTH)
    return np.ascontiguousarray(np.concatenate(halves, axis=1)).view(f"V{_LENGTH}")


def file_fingerprint(path: str | Path) -> bytes:
    """Fingerprint of the file of an image."""
    return bytes.fromhex(content_sha256(path))[:_LENGTH]


def recorded_fingerprints(model_dir: str | Path) -> frozenset[bytes]:
    """Fingerprints of the files and pixels of the images that a model was trained on.

    Raises:
        FileNotFoundError: the model has no record.
        ValueError: the record is damaged.
    """
    record = _read_record(model_dir)
    if record is None:
        raise FileNotFoundError(
            f"{Path(model_dir) / TRAINING_IMAGES}: missing; expected the record of the training images, found none; "
            "train the model again"
        )
    return frozenset(bytes(value) for value in record.tolist())


def training_record(dataset: RadiographDataset, earlier: Iterable[str | Path | None] = ()) -> bytes:
    """Content of ``training_images.safetensors``.

    Args:
        dataset: training split.
        earlier: folders of the models that this one was initialised from. Their training images are added, if they
            have a record.
    """
    from safetensors.numpy import save

    known = [_read_record(folder) for folder in earlier if folder is not None]
    everything = [_fingerprints(dataset).ravel(), *(record for record in known if record is not None)]
    unique = np.unique(np.concatenate([part.view(np.uint8).reshape(-1, _LENGTH) for part in everything]), axis=0)
    return save({"fingerprints": unique})


def _read_record(model_dir: str | Path) -> np.ndarray | None:
    """Fingerprints (M,) of a model folder as NumPy void scalars of 8 bytes; ``None`` for a model without a record.

    Raises:
        ValueError: the file is damaged.
    """
    path = Path(model_dir) / TRAINING_IMAGES
    if not path.is_file():
        return None
    values = load_safetensors(path).get("fingerprints")
    if values is None:
        raise ValueError(f"{path}: not a record of training images; expected fingerprints, found none; copy it again")
    return np.ascontiguousarray(values.numpy()).view(f"V{_LENGTH}").ravel()


def assert_not_trained_on(model_dir: str | Path, dataset: RadiographDataset) -> bool:
    """Reject the evaluation of a model on images that it was trained on.

    Args:
        model_dir: folder of the model.
        dataset: images to evaluate it on.

    Returns:
        Whether the images were checked. A model without a record gives False and a warning.

    Raises:
        ValueError: the model was trained on some of the images; the message gives their number and names three.
    """
    record = _read_record(model_dir)
    if record is None:
        logger.warning(
            "%s: no record of its training images (%s); it cannot be checked whether it was trained on these images",
            model_dir, TRAINING_IMAGES,
        )  # fmt: skip
        return False
    known = set(record.tolist())
    seen = [item for item, row in zip(dataset.data, _fingerprints(dataset).tolist(), strict=True) if known & set(row)]
    if seen:
        names = ", ".join(Path(item["image"]).name for item in seen[:3]) + (", …" if len(seen) > 3 else "")
        raise ValueError(
            f"{model_dir}: was trained on images of the evaluation; expected none of them, found {len(seen)} of "
            f"{len(dataset)} ({names}); remove them from the split, or evaluate a model that was not trained on them"
        )
    return True
