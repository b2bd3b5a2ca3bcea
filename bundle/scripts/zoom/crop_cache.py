"""Cache of the crops of a data set: pixels in the format of :mod:`..data.image_cache`, regions in a JSON file.

The name of an entry is a hash of the source file's content, the zoom settings and region data, the guide's weights and
the code. The JSON file is written before the pixels, so an entry with pixels is complete, and a killed run continues.
"""

from __future__ import annotations

import hashlib
import json
import logging
import threading
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import get_worker_info

from ..common.atomic import write_json
from ..common.code_version import code_sha256
from ..common.file_hashes import content_sha256, file_digests
from ..common.shared_work import do_shared
from ..data.image_cache import entry_name, existing_entries, read_entry, write_entry
from ..dicom import read_radiograph
from ..networks.vit_multilabel import ViTMultilabel
from ..networks.zoom import KEYS, ZoomViT
from .crops import Zoom, Zoomer, make_zoomer

logger = logging.getLogger(__name__)


class CropCache:
    """Crops (K, s, s) and boxes (K, 4) by source file; processes and runs may share the folder.

    Args:
        cache_dir: cache folder; the entries are in its subfolder ``crops``.
        zoomer: cuts the crops.
        num_workers: number of decoding threads.
    """

    def __init__(self, cache_dir: str | Path, zoomer: Zoomer, num_workers: int = 2) -> None:
        self.folder, self.zoomer, self.num_workers = Path(cache_dir) / "crops", zoomer, num_workers
        settings = json.dumps(asdict(zoomer.zoom), sort_keys=True)
        mean_map = b"" if zoomer.mean_map is None else zoomer.mean_map.numpy().tobytes()
        guide = f"{_state_sha256(zoomer.guide)}{zoomer.guide.located_labels}"
        parts = f"{settings}{guide}{code_sha256()}".encode() + mean_map
        self.pipeline = hashlib.sha256(parts).hexdigest()
        self.digests: dict[str, bytes] = {}  # SHA-256 of the files that were prepared

    def entry(self, path: str | Path) -> Path:
        """Path of the pixels of a source file's crops, whether it exists or not."""
        digest = self.digests.get(str(path)) or bytes.fromhex(content_sha256(path))
        return self.folder / entry_name(self.pipeline, digest)

    def prepare(self, paths: Sequence[str]) -> None:
        """Cut the crops of the source files that have no entry; processes that share the folder share the work.

        Raises:
            RefusedInput: a source file cannot be read.
        """
        self.digests |= {path: row.tobytes() for path, row in zip(paths, file_digests(paths), strict=True)}
        existing = existing_entries(self.folder)
        missing = [path for path in paths if self.entry(path).relative_to(self.folder).as_posix() not in existing]
        if missing:
            logger.info("cutting the crops of %d of %d images once", len(missing), len(paths))
        cutting = threading.Lock()  # the files are decoded in threads, but the networks run in one at a time

        def cut(path: str) -> None:
            source = _read_source(path)
            with cutting:
                zoom = self.zoomer(source)
            self.write(self.entry(path), zoom)

        do_shared(
            missing,
            cut,
            is_done=lambda path: self.entry(path).exists(),
            lock_of=lambda path: self.entry(path).with_suffix(".lock"),
            threads=self.num_workers,
            what="cutting crops of images",
        )

    def __call__(self, path: str) -> dict[str, torch.Tensor]:
        """``zoom`` (K, s, s) float32 in [0, 1] and ``zoom_boxes`` (K, 4) of a source file.

        Raises:
            RefusedInput: there is no entry, and the source file cannot be read.
            ValueError: an entry is damaged, and this process of a data loader cannot use the GPU to make it again.
        """
        entry = self.entry(path)
        found = _read_crops(entry, self.zoomer.zoom.count)
        if found is None:
            if entry.exists():
                logger.warning("cache: an entry of %s is damaged; cutting the crops again", self.folder)
            self._check_device(entry)
            self.write(entry, self.zoomer(_read_source(path)))
            found = _read_crops(entry, self.zoomer.zoom.count)
            assert found is not None
        return dict(zip(KEYS, found, strict=True))

    def _check_device(self, entry: Path) -> None:
        """Check that the networks can run here: a process that was forked cannot use CUDA.

        Raises:
            ValueError: they cannot. The entry is removed, so that the next run makes it again.
        """
        device = next(self.zoomer.guide.parameters()).device
        if device.type != "cpu" and get_worker_info() is not None:
            entry.unlink(missing_ok=True)
            raise ValueError(
                f"{entry}: damaged; expected the crops that were cut at the start, found others, and a process of the "
                "data loader cannot cut them on a GPU; it was removed: run the same command again, which cuts it and "
                "continues"
            )

    def write(self, entry: Path, zoom: Zoom) -> None:
        """Write an entry: the regions, then the pixels."""
        regions = [{"box": list(one.box), "score": one.score, "label": one.label} for one in zoom.regions]
        write_json(entry.with_suffix(".json"), {"regions": regions, "boxes": zoom.boxes.tolist(), "flags": zoom.flags})
        pixels = (zoom.crops.flatten(0, 1).numpy() * 65535).round().astype(np.uint16)  # (K * s, s)
        write_entry(entry, pixels)


def _read_source(path: str | Path) -> torch.Tensor:
    """Image (1, H, W) of a file."""
    return torch.from_numpy(read_radiograph(path).image)


def _read_crops(entry: Path, count: int) -> tuple[torch.Tensor, torch.Tensor] | None:
    """Crops (K, s, s) and boxes (K, 4) of an entry; ``None`` if it is missing or damaged."""
    pixels = read_entry(entry)
    if pixels is None:
        return None
    try:
        boxes = json.loads(entry.with_suffix(".json").read_text(encoding="utf-8"))["boxes"]
    except (FileNotFoundError, ValueError, KeyError):
        return None
    crops = torch.from_numpy(pixels.astype(np.float32) / 65535).unflatten(0, (count, -1))
    return crops, torch.tensor(boxes, dtype=torch.float32)


def _state_sha256(network: ViTMultilabel) -> str:
    """SHA-256 of the weights of a network in memory."""
    digest = hashlib.sha256()
    for name, value in network.state_dict().items():
        digest.update(name.encode() + value.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def crops_for(
    network: ViTMultilabel,
    cache_dir: str | Path,
    folder: str | Path,
    device: torch.device | str = "cpu",
    num_workers: int = 2,
) -> CropCache | None:
    """Cache of the crops that a network reads; ``None`` for a network that reads no crops.

    Args:
        network: any classifier.
        cache_dir: cache folder, as of :class:`CropCache`.
        folder: folder of the enhancer's weights, if the network needs an enhancer.
        device: device of the enhancer.
        num_workers: number of decoding threads.
    """
    if not isinstance(network, ZoomViT):
        return None
    return CropCache(cache_dir, make_zoomer(network, folder, device), num_workers)


def extra_keys(crops: CropCache | None) -> tuple[str, ...]:
    """Keys of the items that the network reads beside the image, for MONAI's ``PrepareBatchExtraInput``."""
    return () if crops is None else KEYS
