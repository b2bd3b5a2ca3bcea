"""PyTorch data set of radiographs that are decoded once (:mod:`.image_cache`) and augmented at each read."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from monai.data import get_track_meta, set_track_meta
from monai.transforms import Compose
from torch.utils.data import Dataset

from ..common.failures import Failure, read_failures, write_failures
from ..common.file_hashes import file_digests
from ..common.locking import claimed_file
from ..common.printable import printable
from ..common.shared_work import do_shared
from ..dicom import RefusedInput
from .finding_masks import FindingMasks
from .finding_mixing import FindingMixing
from .image_cache import ImageCache, entry_name, existing_entries

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

    Attributes:
        data: items that are used.
        digests: SHA-256 of the content of their files, (N, 32) uint8.

    Args:
        data: items with absolute ``image`` paths and ``label`` lists (NaN = not annotated, -1 = uncertain).
        preprocessing: deterministic transforms of one item (load, resize to S × S), whose results are cached.
        augmentation: random transforms, applied at each read. Their random state is a function of
            ``augmentation_seed``, which ``scripts.training.EpochSeed`` sets for each epoch, and of the index.
        cache_dir: folder of the cache and of ``failures.csv``. Processes and runs may share it: each film is decoded
            by one of them.
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
        digests = file_digests([item["image"] for item in data])
        refused = _decode_missing(self.cache, data, digests, num_workers)
        _record_refusals(Path(cache_dir) / "failures.csv", data, refused)
        used = [index for index in range(len(data)) if index not in refused]
        self.data, self.digests = [data[index] for index in used], digests[used]
        self.crops = crops
        if crops is not None:
            crops.prepare([item["image"] for item in self.data])
        self.findings = findings
        self.mixing = mixing
        if mixing is not None:
            mixing.prepare(self.data)
            self.index_of = {item["image"]: index for index, item in enumerate(self.data)}

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, index: int | tuple[int, int]) -> dict[str, Any]:
        index, repetition = index if isinstance(index, tuple) else (index, 0)
        image = self._image(index)
        item = {"image": image, "label": torch.tensor(self.data[index]["label"], dtype=torch.float32)}
        if self.crops is not None:
            item |= self.crops(self.data[index]["image"])
        if self.findings is not None:
            item["findings"] = self.findings(self.data[index]["image"])
        if self.mixing is not None:
            # Like the augmentation, what is pasted depends on the epoch and the image only.
            rng = np.random.default_rng([self.augmentation_seed, index, repetition, 1])
            item = self.mixing(item, self.data[index], lambda path: self._image(self.index_of[path]), rng)
        if self.augmentation is None:
            return item
        # Each image has its own random state: its augmentation does not depend on other images or on the process.
        seed = np.random.SeedSequence([self.augmentation_seed, index, repetition]).generate_state(1)[0]
        self.augmentation.set_random_state(seed=int(seed))
        with _without_meta():
            return self.augmentation(item)

    def entry(self, index: int) -> Path:
        """Path of the entry of an item in the cache."""
        return self.cache.entry_of(self.digests[index].tobytes())

    def _image(self, index: int) -> torch.Tensor:
        """Image (1, S, S) in [0, 1] of an item, from its entry in the cache."""
        pixels = self.cache.load(self.data[index]["image"], self.entry(index))
        return torch.from_numpy(pixels.astype(np.float32)[None] / 65535)


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
    cache: ImageCache, data: Sequence[dict], digests: np.ndarray, num_workers: int
) -> dict[int, RefusedInput]:
    """Fill the cache; return the errors of the rejected images by their index in ``data``.

    The processes that share the cache share the decoding, too. A rejected image leaves no entry, so each of them tries
    it and learns the reason.
    """
    existing = existing_entries(cache.folder)
    missing: dict[str, list[int]] = {}  # files of equal content have one entry
    for index, digest in enumerate(digests):
        name = entry_name(cache.pipeline, digest.tobytes())
        if name not in existing:
            missing.setdefault(name, []).append(index)
    del existing
    if not missing:
        return {}
    logger.info("decoding %d of %d images once", sum(map(len, missing.values())), len(data))
    refused: dict[int, RefusedInput] = {}

    def decode(name: str) -> None:
        try:
            cache.load(data[missing[name][0]]["image"], cache.folder / name)
        except RefusedInput as refusal:
            for index in missing[name]:
                refused[index] = refusal.at(data[index]["image"])

    do_shared(
        list(missing),
        decode,
        is_done=lambda name: (cache.folder / name).exists(),
        lock_of=lambda name: (cache.folder / name).with_suffix(".lock"),
        threads=num_workers,
        what="decoding images",
    )
    return dict(sorted(refused.items()))


def _record_refusals(table: Path, data: Sequence[dict], refused: dict[int, RefusedInput]) -> None:
    """Write the rejected images of these data into the table, and keep the rows of other splits.

    Raises:
        ValueError: all images were rejected.
    """
    with claimed_file(table.with_suffix(".lock"), wait=True):  # several processes may have the same table
        if table.exists() or refused:
            here = {printable(item["image"]) for item in data}  # names as they are written to the table
            others = [row for row in read_failures(table) if row.path not in here] if table.exists() else []
            rows = [Failure.of(data[index]["image"], refusal) for index, refusal in refused.items()]
            if rows or others:
                write_failures(table, [*others, *rows])
            else:
                table.unlink()  # an earlier run had failures that have been corrected since
    if not refused:
        return
    logger.warning("%d of %d images left out; reasons in %s", len(refused), len(data), table)
    if len(refused) == len(data):
        raise ValueError(
            f"{table}: no image of the split could be read; expected at least one, found 0 of {len(data)}; "
            "see the reasons there"
        )
