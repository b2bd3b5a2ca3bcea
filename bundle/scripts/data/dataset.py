"""Radiographs decoded once (see :mod:`.image_cache`), augmented at each read."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from monai.data import get_track_meta, set_track_meta
from monai.transforms import Compose
from torch.utils.data import Dataset

from ..common.failures import Failure, read_failures, write_failures
from ..common.printable import printable
from ..dicom import RefusedInput
from .image_cache import ImageCache

logger = logging.getLogger(__name__)


class Crops(Protocol):
    """Views of an image beside the whole of it (:class:`..zoom.crop_cache.CropCache`)."""

    def prepare(self, paths: Sequence[str]) -> None:
        """Make what is not there yet."""

    def __call__(self, path: str) -> dict[str, torch.Tensor]:
        """Entries for the item of an image."""


class RadiographDataset(Dataset):
    """Items of a datalist split as ``{"image": (1, S, S) float32 tensor, "label": (C,) float32 tensor}``.

    An index is the number of an item, or (number, repetition) for one that an epoch has several times.

    A file that cannot be read is left out, named in ``failures.csv`` and in the log; the others are not affected.

    Args:
        data: items with absolute ``image`` paths and ``label`` lists (NaN = not annotated, -1 = uncertain).
        preprocessing: deterministic transforms of one item (load, fit to S × S); cached.
        augmentation: random transforms, applied at each read; what they draw is a function of
            ``augmentation_seed`` (set for each epoch by ``scripts.training.EpochSeed``) and of the index.
        cache_dir: folder of the cache and of ``failures.csv``; processes and runs may share it.
        num_workers: decoding threads.
        crops: what each item has beside these two; ``None``: nothing.

    Raises:
        ValueError: no image, or none that can be read.
    """

    def __init__(
        self,
        data: Sequence[dict],
        preprocessing: Callable[[dict], dict],
        augmentation: Compose | None = None,
        *,
        cache_dir: str | Path,
        num_workers: int = 2,
        crops: Crops | None = None,
    ) -> None:
        if not data:
            raise ValueError("datalist: the split is empty; expected at least one image, found 0; check the datalist")
        self.augmentation, self.augmentation_seed = augmentation, 0
        self.cache = ImageCache(cache_dir, preprocessing)
        entries = [self.cache.entry(item["image"]) for item in data]
        refused = _decode_missing(self.cache, data, entries, num_workers)
        _record_refusals(Path(cache_dir) / "failures.csv", data, refused)
        self.data = [item for index, item in enumerate(data) if index not in refused]
        self.entries = [entry for index, entry in enumerate(entries) if index not in refused]
        self.crops = crops
        if crops is not None:
            crops.prepare([item["image"] for item in self.data])

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, index: int | tuple[int, int]) -> dict[str, Any]:
        index, repetition = index if isinstance(index, tuple) else (index, 0)
        pixels = self.cache.load(self.data[index]["image"], self.entries[index])
        image = torch.from_numpy(pixels.astype(np.float32)[None] / 65535)  # (1, S, S)
        item = {"image": image, "label": torch.tensor(self.data[index]["label"], dtype=torch.float32)}
        if self.crops is not None:
            item |= self.crops(self.data[index]["image"])
        if self.augmentation is None:
            return item
        # A random state for each image: what happens to it depends on no other, nor on which process loads it.
        seed = np.random.SeedSequence([self.augmentation_seed, index, repetition]).generate_state(1)[0]
        self.augmentation.set_random_state(seed=int(seed))
        with _without_meta():
            return self.augmentation(item)


@contextmanager
def _without_meta() -> Iterator[None]:
    """MONAI transforms of plain tensors: recording what was applied costs a quarter of the augmentation (measured)."""
    before = get_track_meta()
    set_track_meta(False)
    try:
        yield
    finally:
        set_track_meta(before)


def _decode_missing(
    cache: ImageCache, data: Sequence[dict], entries: Sequence[Path], num_workers: int
) -> dict[int, RefusedInput]:
    """Fill the cache; refusals by index in ``data``."""
    missing = [index for index, entry in enumerate(entries) if not entry.exists()]
    if missing:
        logger.info("decoding %d of %d images once", len(missing), len(data))

    def decode(index: int) -> RefusedInput | None:
        try:
            cache.load(data[index]["image"], entries[index])
        except RefusedInput as refusal:
            return refusal
        return None

    with ThreadPoolExecutor(max(1, num_workers)) as pool:
        results = zip(missing, pool.map(decode, missing), strict=True)
        return {index: refusal for index, refusal in results if refusal is not None}


def _record_refusals(table: Path, data: Sequence[dict], refused: dict[int, RefusedInput]) -> None:
    """Write the refusals of these data into the table, beside those of other splits.

    Raises:
        ValueError: nothing is left of the data.
    """
    here = {printable(item["image"]) for item in data}  # as the table has them
    others = [row for row in read_failures(table) if row.path not in here] if table.exists() else []
    rows = [Failure.of(data[index]["image"], refusal) for index, refusal in refused.items()]
    if rows or others:
        write_failures(table, [*others, *rows])
    else:
        table.unlink(missing_ok=True)  # of an earlier run; what was wrong has been put right
    if not refused:
        return
    logger.warning("%d of %d images left out; reasons in %s", len(refused), len(data), table)
    if len(refused) == len(data):
        raise ValueError(
            f"{table}: no image of the split could be read; expected at least one, found 0 of {len(data)}; "
            "see the reasons there"
        )
