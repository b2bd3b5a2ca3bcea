"""Radiographs decoded once, kept as one memory-mapped array, augmented at each read.

Decoding a DICOM radiograph costs 0.1–0.6 s, reading a row of this cache 0.05 ms. MONAI's ``PersistentDataset`` was
measured to return silently wrong data for most bit flips and to keep stale values when a transform changes; here the
key covers the files and the transforms, and a checksum covers the pixels. Quantisation to 16 bit costs at most
1/131070.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.transforms import Compose
from torch.utils.data import Dataset

from ..dicom import RefusedInput, find_refusal
from .atomic import atomic_write
from .checksum import file_sha256
from .failures import Failure, write_failures

logger = logging.getLogger(__name__)


class RadiographDataset(Dataset):
    """Items of a datalist split as ``{"image": (1, S, S) float32 tensor, "label": (C,) float32 tensor}``.

    A file that cannot be read is left out, named in ``failures.csv`` and in the log; the others are not affected.

    Args:
        data: items with absolute ``image`` paths and ``label`` lists (NaN = not annotated, -1 = uncertain).
        preprocessing: deterministic transforms of one item (load, fit to S × S); cached.
        augmentation: random transforms, applied at each read; what they draw is a function of
            ``augmentation_seed`` (set for each epoch by ``scripts.training.EpochSeed``) and of the image's index.
        cache_dir: folder of the cache and of ``failures.csv``; processes and runs may share it.
        num_workers: decoding threads.
    """

    def __init__(
        self,
        data: Sequence[dict],
        preprocessing: Callable[[dict], dict],
        augmentation: Compose | None = None,
        *,
        cache_dir: str | Path,
        num_workers: int = 2,
    ) -> None:
        if not data:
            raise ValueError("datalist: the split is empty; expected at least one image, found 0; check the datalist")
        self.augmentation, self.augmentation_seed = augmentation, 0
        pixels, kept = load_or_build(data, preprocessing, Path(cache_dir), num_workers)
        self.pixels = pixels
        self.data = [data[index] for index in kept]

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, index: int) -> dict[str, Any]:
        pixels = torch.from_numpy(self.pixels[index].astype(np.float32)[None] / 65535)  # (1, S, S)
        item = {"image": pixels, "label": torch.tensor(self.data[index]["label"], dtype=torch.float32)}
        if self.augmentation is None:
            return item
        # A random state for each image: what happens to it depends on no other, nor on which process loads it.
        seed = np.random.SeedSequence([self.augmentation_seed, index]).generate_state(1)[0]
        self.augmentation.set_random_state(seed=int(seed))
        return self.augmentation(item)


def load_or_build(
    data: Sequence[dict], preprocessing: Callable[[dict], dict], folder: Path, num_workers: int
) -> tuple[np.ndarray, list[int]]:
    """Pixels (N, S, S) uint16, memory-mapped, and the indexes of the items that could be read."""
    key = cache_key(data, preprocessing)
    index_file = folder / f"{key}.json"
    if not is_intact(folder, key):
        build(data, preprocessing, folder, key, num_workers)
    kept = json.loads(index_file.read_text())["kept"]
    return np.load(folder / f"{key}.npy", mmap_mode="r"), kept


def cache_key(data: Sequence[dict], preprocessing: Callable[[dict], dict]) -> str:
    """Hash of the files (path, size, time of change) and of the transforms with their arguments."""
    digest = hashlib.sha256(describe(preprocessing).encode())
    for item in data:
        stat = Path(item["image"]).stat()
        digest.update(f"{item['image']}|{stat.st_size}|{stat.st_mtime_ns}\n".encode())
    return digest.hexdigest()[:24]


def describe(transform: Any) -> str:
    """Class names and plain attributes of a transform and of those inside it."""
    if isinstance(transform, Compose):
        return "+".join(describe(step) for step in transform.transforms)
    plain = {k: v for k, v in sorted(vars(transform).items()) if isinstance(v, int | float | str | tuple | list)}
    return f"{type(transform).__name__}{plain}"


def is_intact(folder: Path, key: str) -> bool:
    """Whether a finished cache with this key exists and its pixels have the checksum that was recorded."""
    index_file, pixel_file = folder / f"{key}.json", folder / f"{key}.npy"
    if not index_file.exists() or not pixel_file.exists():
        return False
    if json.loads(index_file.read_text())["sha256"] == file_sha256(pixel_file):
        return True
    logger.warning("%s: checksum differs; decoding the images again", pixel_file.name)
    return False


def build(
    data: Sequence[dict], preprocessing: Callable[[dict], dict], folder: Path, key: str, num_workers: int
) -> None:
    """Decode every item and write pixels, then index: the index vouches for the pixels."""

    def decode(item: dict) -> np.ndarray | RefusedInput:
        try:
            image = preprocessing({"image": item["image"]})["image"]
        except RuntimeError as error:  # MONAI's wrapping of what a transform raises
            refusal = find_refusal(error)
            if refusal is None:
                raise
            return refusal
        return (np.asarray(image)[0] * 65535).round().astype(np.uint16)

    logger.info("decoding %d images once", len(data))
    with ThreadPoolExecutor(max(1, num_workers)) as pool:
        results = list(pool.map(decode, data))
    kept = [index for index, result in enumerate(results) if isinstance(result, np.ndarray)]
    refusals = [
        Failure(data[i]["image"], result.code, str(result), result.remedy)
        for i, result in enumerate(results)
        if isinstance(result, RefusedInput)
    ]
    if refusals:
        write_failures(folder / "failures.csv", refusals)
        logger.warning("%d of %d images left out; reasons in %s", len(refusals), len(data), folder / "failures.csv")
    if not kept:
        raise ValueError(
            f"{folder / 'failures.csv'}: no image of the split could be read; expected at least one, found 0 of "
            f"{len(data)}; see the reasons there"
        )
    with atomic_write(folder / f"{key}.npy") as file:
        np.save(file, np.stack([np.asarray(results[index]) for index in kept]))
    index = {"kept": kept, "sha256": file_sha256(folder / f"{key}.npy")}
    with atomic_write(folder / f"{key}.json") as file:
        file.write(json.dumps(index).encode())
