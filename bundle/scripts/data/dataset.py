"""PyTorch data set of radiographs that are decoded once (:mod:`.image_cache`) and augmented at each read."""

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
from ..common.progress import Progress
from ..dicom import RefusedInput
from .finding_masks import FindingMasks
from .finding_mixing import FindingMixing
from .image_cache import ImageCache

logger = logging.getLogger(__name__)


class Crops(Protocol):
    """Source of the crops that a network reads beside each image (:class:`..zoom.crop_cache.CropCache`)."""

    def prepare(self, paths: Sequence[str]) -> None:
        """Cut the crops of these images that are not in the cache."""

    def __call__(self, path: str) -> dict[str, torch.Tensor]:
        """Additional entries for the item of an image."""


class RadiographDataset(Dataset):
    """Items of a datalist split as ``{"image": (1, S, S) float32 tensor, "label": (C,) float32 tensor}``.

    An index is the number of an item, or (number, repetition) for an item that is drawn several times in an epoch.

    A file that cannot be read is left out and recorded in ``failures.csv`` and in the log.

    Args:
        data: items with absolute ``image`` paths and ``label`` lists (NaN = not annotated, -1 = uncertain).
        preprocessing: deterministic transforms of one item (load, resize to S × S), whose results are cached.
        augmentation: random transforms, applied at each read. Their random state is a function of
            ``augmentation_seed``, which ``scripts.training.EpochSeed`` sets for each epoch, and of the index.
        cache_dir: folder of the cache and of ``failures.csv``; processes and runs may share it.
        num_workers: number of decoding threads.
        crops: source of the crops that are added to each item; ``None`` adds nothing.
        findings: source of the findings (P, S, S) that are added to each item as ``findings``, prepared for ``data``;
            ``None`` adds nothing.
        mixing: pastes findings of other films into the images before the augmentation; ``None`` pastes nothing.

    Raises:
        ValueError: the split is empty, or no image of it can be read.
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
        findings: FindingMasks | None = None,
        mixing: FindingMixing | None = None,
    ) -> None:
        if not data:
            raise ValueError("datalist: the split is empty; expected at least one image, found 0; check the datalist")
        self.augmentation, self.augmentation_seed = augmentation, 0
        self.cache = ImageCache(cache_dir, preprocessing)
        hashed = Progress("hashing images", len(data)).over(data)
        entries = [self.cache.entry(item["image"]) for item in hashed]
        refused = _decode_missing(self.cache, data, entries, num_workers)
        _record_refusals(Path(cache_dir) / "failures.csv", data, refused)
        self.data = [item for index, item in enumerate(data) if index not in refused]
        self.entries = [entry for index, entry in enumerate(entries) if index not in refused]
        self.crops = crops
        if crops is not None:
            crops.prepare([item["image"] for item in self.data])
        self.findings = findings
        self.mixing = mixing
        if mixing is not None:
            mixing.prepare(self.data)
            self.entry_of = {item["image"]: entry for item, entry in zip(self.data, self.entries, strict=True)}

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, index: int | tuple[int, int]) -> dict[str, Any]:
        index, repetition = index if isinstance(index, tuple) else (index, 0)
        image = self._image(self.data[index]["image"], self.entries[index])
        item = {"image": image, "label": torch.tensor(self.data[index]["label"], dtype=torch.float32)}
        if self.crops is not None:
            item |= self.crops(self.data[index]["image"])
        if self.findings is not None:
            item["findings"] = self.findings(self.data[index]["image"])
        if self.mixing is not None:
            # Like the augmentation, what is pasted depends on the epoch and the image only.
            rng = np.random.default_rng([self.augmentation_seed, index, repetition, 1])
            item = self.mixing(item, self.data[index], lambda path: self._image(path, self.entry_of[path]), rng)
        if self.augmentation is None:
            return item
        # Each image has its own random state: its augmentation does not depend on other images or on the process.
        seed = np.random.SeedSequence([self.augmentation_seed, index, repetition]).generate_state(1)[0]
        self.augmentation.set_random_state(seed=int(seed))
        with _without_meta():
            return self.augmentation(item)

    def _image(self, path: str, entry: Path) -> torch.Tensor:
        """Image (1, S, S) in [0, 1] of a file, from its entry in the cache."""
        return torch.from_numpy(self.cache.load(path, entry).astype(np.float32)[None] / 65535)


@contextmanager
def _without_meta() -> Iterator[None]:
    """Stop MONAI from recording the applied transforms, which takes a quarter of the augmentation's time (measured)."""
    before = get_track_meta()
    set_track_meta(False)
    try:
        yield
    finally:
        set_track_meta(before)


def _decode_missing(
    cache: ImageCache, data: Sequence[dict], entries: Sequence[Path], num_workers: int
) -> dict[int, RefusedInput]:
    """Fill the cache; return the errors of the rejected images by their index in ``data``."""
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
        decoded = Progress("decoding images", len(missing)).over(pool.map(decode, missing))
        return {index: refusal for index, refusal in zip(missing, decoded, strict=True) if refusal is not None}


def _record_refusals(table: Path, data: Sequence[dict], refused: dict[int, RefusedInput]) -> None:
    """Write the rejected images of these data into the table, and keep the rows of other splits.

    Raises:
        ValueError: all images were rejected.
    """
    here = {printable(item["image"]) for item in data}  # names as they are written to the table
    others = [row for row in read_failures(table) if row.path not in here] if table.exists() else []
    rows = [Failure.of(data[index]["image"], refusal) for index, refusal in refused.items()]
    if rows or others:
        write_failures(table, [*others, *rows])
    else:
        table.unlink(missing_ok=True)  # an earlier run had failures that have been corrected since
    if not refused:
        return
    logger.warning("%d of %d images left out; reasons in %s", len(refused), len(data), table)
    if len(refused) == len(data):
        raise ValueError(
            f"{table}: no image of the split could be read; expected at least one, found 0 of {len(data)}; "
            "see the reasons there"
        )
