"""Which images a model was trained on, recorded beside its weights, so that nobody judges it on them by mistake.

``training_images.safetensors`` holds, in sorted order, 8 bytes of the SHA-256 of each image file and 8 bytes of that of
its pixels as the network sees them: the same film is found under another name, and in another file of equal pixels.
Patients are not recorded, not even as a hash: numbers of a hospital are few enough to try them all. That no patient is
in two splits of one datalist is checked when it is loaded.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from .dataset import RadiographDataset
from .image_cache import entry_checksum
from .splitting import content_sha256

logger = logging.getLogger(__name__)

TRAINING_IMAGES = "training_images.safetensors"
_LENGTH = 8  # bytes: among a million images, one of ten thousand others is taken for one of them once in 10^9 times


def _fingerprints(dataset: RadiographDataset) -> np.ndarray:
    """Fingerprints (N, 2) of the file and of the pixels of each image, as void of 8 bytes.

    Args:
        dataset: whose images are decoded.
    """
    rows = [
        bytes.fromhex(content_sha256(item["image"]))[:_LENGTH] + entry_checksum(entry)[:_LENGTH]
        for item, entry in zip(dataset.data, dataset.entries, strict=True)
    ]
    return np.frombuffer(b"".join(rows), dtype=f"V{_LENGTH}").reshape(-1, 2)


def training_record(dataset: RadiographDataset, earlier: Iterable[str | Path | None] = ()) -> bytes:
    """Content of ``training_images.safetensors``.

    Args:
        dataset: the training split.
        earlier: models that this one was started from; what they were trained on counts as well, where it is known.
    """
    from safetensors.numpy import save

    known = [_read_record(folder) for folder in earlier if folder is not None]
    everything = [_fingerprints(dataset).ravel(), *(record for record in known if record is not None)]
    unique = np.unique(np.concatenate([part.view(np.uint8).reshape(-1, _LENGTH) for part in everything]), axis=0)
    return save({"fingerprints": unique})


def _read_record(model_dir: str | Path) -> np.ndarray | None:
    """Fingerprints (M,) of a model folder as void of 8 bytes; ``None`` for a model without a record.

    Raises:
        ValueError: a damaged file.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    path = Path(model_dir) / TRAINING_IMAGES
    if not path.is_file():
        return None
    try:
        values = load(path.read_bytes())["fingerprints"]
    except (SafetensorError, KeyError) as error:
        raise ValueError(
            f"{path}: not a record of training images ({error}); expected what training wrote; copy it again"
        ) from error
    return np.ascontiguousarray(values).view(f"V{_LENGTH}").ravel()


def assert_not_trained_on(model_dir: str | Path, dataset: RadiographDataset) -> bool:
    """Refuse to judge a model on images that it was trained on.

    Args:
        model_dir: folder of the weights.
        dataset: the images to judge it on.

    Returns:
        Whether it could be checked: False, with a warning, for a model without a record.

    Raises:
        ValueError: how many images there are, and what to do.
    """
    record = _read_record(model_dir)
    if record is None:
        logger.warning(
            "%s: no record of its training images (%s); whether it was trained on these cannot be checked",
            model_dir, TRAINING_IMAGES,
        )  # fmt: skip
        return False
    known = set(record.tolist())
    seen = [item for item, row in zip(dataset.data, _fingerprints(dataset).tolist(), strict=True) if known & set(row)]
    if seen:
        names = ", ".join(Path(item["image"]).name for item in seen[:3]) + (", …" if len(seen) > 3 else "")
        raise ValueError(
            f"{model_dir}: was trained on images that it is to be judged on; expected none of them, found {len(seen)} "
            f"of {len(dataset)} ({names}); take them out of the split, or judge a model that was not trained on them"
        )
    return True
