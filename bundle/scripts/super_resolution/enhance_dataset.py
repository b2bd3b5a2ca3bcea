"""Enhancement of a data set, in batches, by one or several processes; it can be resumed (paper: Methodology 4)."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..attention import Attention, make_attention
from ..common.atomic import remove_temporaries
from ..common.checksum import file_sha256
from ..common.failures import Failure, write_failures
from ..common.file_hashes import content_sha256, keep_digest
from ..common.geometry import fit_square
from ..common.progress import Progress
from ..data.datalist import Datalist, write_datalist
from ..dicom import RefusedInput, read_radiograph, write_enhanced, write_png16
from ..networks.vit_multilabel import ViTMultilabel
from .dataset_maps import DatasetMaps
from .enhanced_annotations import enhanced_annotations
from .enhanced_names import check_output_names, is_dicom_file, output_name
from .enhancers.enhancer import Enhancer
from .manifest import append_line, merge_failures, trusted_lines, write_merged
from .out_of_fold import OutOfFold
from .region_enhancer import DESCRIPTION, ChosenRegions, EnhancedRegions, EnhanceSettings, RegionEnhancer

logger = logging.getLogger(__name__)


@dataclass
class DatasetEnhancer:
    """Enhances every image of a datalist; the enhanced files have the same relative paths below ``output_dir``.

    Attributes:
        datalist: images to enhance.
        network: classifier whose attention selects the regions, in evaluation mode and on ``device``.
        network_hash: hash of the classifier's weights.
        enhancer: super-resolution method.
        settings: how regions are selected and pasted.
        output_dir: folder for the enhanced files, ``datalist.json``, ``manifest.jsonl`` and ``failures.csv``.
        batch_size: number of images that the classifier gets at once.
        region_batch: largest number of regions that the enhancer gets at once.
        device: device of the classifier.
        rank: index of this process, which handles the batches rank, rank + world_size, …
        world_size: number of processes.
        limit: number of images to enhance from the start of each split; ``None`` for all.
        attention: attention method; ``None`` for the attention of the CLS token in the last layer, as in the paper.
        out_of_fold: networks that choose the regions of each film instead of ``network``, each of a film that it has
            not seen.

    Raises:
        ValueError: the selector is not known.
    """

    datalist: Datalist
    network: ViTMultilabel
    network_hash: str
    enhancer: Enhancer
    settings: EnhanceSettings
    output_dir: Path
    batch_size: int = 16
    region_batch: int = 32
    device: torch.device | str = "cpu"
    rank: int = 0
    world_size: int = 1
    limit: int | None = None
    attention: Attention | None = None
    out_of_fold: OutOfFold | None = None

    def __post_init__(self) -> None:
        self.output_dir = Path(self.output_dir)
        self.attend: Attention = self.attention or make_attention("last_cls", self.network)
        self.maps = DatasetMaps(
            selector=self.settings.selector,
            training=self.limited().get("training", []),
            network=self.network,
            attend=self.attend,
            device=self.device,
            out_of_fold=self.out_of_fold,
        )
        self.region_enhancer = RegionEnhancer(self.enhancer, self.settings, batch=self.region_batch)

    def run(self) -> list[dict[str, Any]]:
        """Enhance the images that are not finished yet.

        Returns:
            Manifest lines of all finished images of this process, including those of earlier runs.

        Raises:
            ValueError: the output folder holds images that were enhanced with other settings.
            OSError: the disk is full. Finished images are kept, and the same command continues with the others.
        """
        self.check_output_dir()
        blocks = self.blocks()
        done = self.finished()
        # A batch is always computed as a whole: the other images of a batch affect the last bits of a result.
        pending = [block for block in blocks if any(self.name_of(item) not in done for item in block)]
        logger.info("enhancing %d of %d batches (the others are finished)", len(pending), len(blocks))
        failures: list[Failure] = []
        for block in Progress("enhancing batches", len(pending), rank=self.rank).over(pending):
            for line in self.enhance_batch(block, failures):
                done[line["image"]] = line
                append_line(self.output_dir / f"manifest.rank{self.rank}.jsonl", line)
        write_failures(self.output_dir / f"failures.rank{self.rank}.csv", failures)
        return [done[name] for block in blocks for name in map(self.name_of, block) if name in done]

    def check_output_dir(self) -> None:
        """Check that no source image would be overwritten and that all output names differ.

        Raises:
            ValueError: the output folder contains the source images, or two images would get the same output name.
        """
        here = os.path.normcase(os.path.join(self.output_dir.absolute(), ""))
        if any(os.path.normcase(item["image"]).startswith(here) for item in self.items()):
            raise ValueError(
                f"{self.output_dir}: holds the source images; expected another folder, found the data set's own; "
                "set --output_dir to a new folder"
            )
        check_output_names([(item["image"], self.name_of(item)) for item in self.items()])

    def blocks(self) -> list[list[dict]]:
        """Batches of this process; their content depends neither on the number of processes nor on finished images."""
        items = self.items()
        blocks = [items[start : start + self.batch_size] for start in range(0, len(items), self.batch_size)]
        return blocks[self.rank :: self.world_size]

    def complete(self) -> list[dict[str, Any]]:
        """Merge the manifests and write the datalist of enhanced images, after every process has finished."""
        remove_temporaries(self.output_dir)
        done = self.finished()
        names = [self.name_of(item) for item in self.items()]
        lines = [done[name] for name in names if name in done]
        write_merged(self.output_dir, lines)
        merge_failures(self.output_dir)
        splits = {
            split: [self.enhanced_item(item, done[self.name_of(item)]) for item in items if self.name_of(item) in done]
            for split, items in self.limited().items()
        }
        missing = len(names) - len(lines)
        if missing:
            logger.warning("%d images were rejected and are not in the enhanced datalist", missing)
        write_datalist(replace(self.datalist, splits=splits), self.output_dir / "datalist.json")
        return lines

    def finished(self) -> dict[str, dict[str, Any]]:
        """Manifest lines of the images that are finished, by image name."""
        sources = {self.name_of(item): Path(item["image"]) for item in self.items()}
        return trusted_lines(self.output_dir, sources, self.hashes())

    def limited(self) -> dict[str, list[dict]]:
        """Splits with at most ``limit`` images each."""
        return {split: items[: self.limit] for split, items in self.datalist.splits.items()}

    def items(self) -> list[dict]:
        """Items of all splits in the order of the datalist."""
        return [item for items in self.limited().values() for item in items]

    def name_of(self, item: dict) -> str:
        """Path of an image relative to the data set's folder; the manifest identifies the image by it."""
        path: str = item["image"]
        if self._root and os.path.normcase(path).startswith(self._root):
            return path[len(self._root) :].replace(os.sep, "/")
        return os.path.basename(path) if os.path.isabs(path) else path.replace(os.sep, "/")

    @cached_property
    def _root(self) -> str:
        """Folder of the datalist as a beginning of paths; empty for a datalist without a file."""
        path = self.datalist.path
        return os.path.normcase(os.path.join(path.parent.absolute(), "")) if path else ""

    def hashes(self) -> dict[str, str | None]:
        """Hashes and names that every manifest line of this run contains."""
        return {
            "settings": self.settings.digest(),
            "enhancer": self.enhancer.name,
            "enhancer_weights": self.enhancer.weights_hash,
            "network": self.network_hash[:16],
            **self.maps.hashes(),
        }

    def enhance_batch(self, items: Sequence[dict], failures: list[Failure]) -> Iterator[dict[str, Any]]:
        """Enhance and write a batch of images; yield the manifest line of each enhanced image."""
        sources = list(self.read(items, failures))
        if not sources:
            return
        size = self.network.image_size
        fitted = torch.stack([fit_square(source, size) for _, source in sources]).to(self.device)
        maps = self.maps.of([item for item, _ in sources], fitted)
        chosen = [
            self.region_enhancer.choose(source, film, size) for (_, source), film in zip(sources, maps, strict=True)
        ]
        results = self.enhance([item for item, _ in sources], chosen, failures)
        for (item, _), enhanced in zip(sources, results, strict=True):
            if enhanced is None:
                continue
            if enhanced.regions:
                if enhanced.rejected:
                    counts = enhanced.rejected, enhanced.rejected + len(enhanced.regions)
                    logger.warning("%s: %d of %d regions not finite; original kept", item["image"], *counts)
                yield self.write(item, enhanced)
                continue
            reason = f"{item['image']}: {self.enhancer.name} returned NaN or infinity; expected finite pixels"
            failures.append(Failure(item["image"], "NOT_FINITE", reason, f"check the weights of {self.enhancer.name}"))
            logger.warning("rejected: %s", reason)

    def enhance(
        self, items: Sequence[dict], chosen: Sequence[ChosenRegions], failures: list[Failure]
    ) -> list[EnhancedRegions | None]:
        """Enhance the regions of each image; an image that does not fit into memory gives ``None`` and a failure."""
        try:
            return list(self.region_enhancer.enhance(chosen))
        except MemoryError as error:
            if len(chosen) == 1:
                reason = f"{items[0]['image']}: {error}"
                failures.append(Failure(items[0]["image"], "OUT_OF_MEMORY", reason, "set a smaller window"))
                logger.warning("rejected: %s", reason)
                return [None]
        enhanced = []
        for item, one in zip(items, chosen, strict=True):
            for generator in one.generators:  # regions that were already enhanced get the same noise again
                generator.manual_seed(generator.initial_seed())
            enhanced.extend(self.enhance([item], [one], failures))
        return enhanced

    def read(self, items: Sequence[dict], failures: list[Failure]) -> Iterator[tuple[dict, torch.Tensor]]:
        """Yield the items with their images (1, H, W); a rejected file is added to ``failures``."""
        for item in items:
            try:
                yield item, torch.from_numpy(read_radiograph(item["image"]).image)
            except RefusedInput as refusal:
                failures.append(Failure.of(item["image"], refusal))
                logger.warning("rejected: %s", refusal)

    def write(self, item: dict, enhanced: EnhancedRegions) -> dict[str, Any]:
        """Paste the regions, write the image file, and return its manifest line."""
        image, metrics = self.region_enhancer.paste(enhanced)
        name = self.name_of(item)
        output = self.write_image(Path(item["image"]), name, image[0].numpy())
        output_sha256 = file_sha256(self.output_dir / output)
        keep_digest(self.output_dir / output, output_sha256)
        return {
            "image": name,
            "output": output.as_posix(),
            "source_sha256": content_sha256(item["image"]),
            "output_sha256": output_sha256,
            "boxes": [list(region.box) for region in enhanced.regions],
            "scores": [round(region.score, 8) for region in enhanced.regions],
            "region_labels": [region.label for region in enhanced.regions],
            "source_shape": list(enhanced.source.shape[-2:]),
            "output_shape": list(image.shape[-2:]),
            "fidelity": metrics,
            "flags": enhanced.flags,
            **self.hashes(),
        }

    def write_image(self, source: Path, name: str, image: np.ndarray) -> Path:
        """Write an enhanced image (H, W), of a DICOM file as DICOM, and return its path below the output folder."""
        as_dicom = is_dicom_file(source)
        output = Path(output_name(name, as_dicom))
        if as_dicom:
            path = self.output_dir / output
            try:
                write_enhanced(source, image, path, description=DESCRIPTION, software="cxr-attention-sr")
                return output
            except RefusedInput as refusal:  # no UIDs, and a DICOM image must have some
                logger.warning("%s: written as PNG: %s", source, refusal.found)
                output = output.with_name(f"{output.name}.png")
        write_png16(image, self.output_dir / output)
        return output

    def enhanced_item(self, item: dict, line: dict[str, Any]) -> dict:
        """Datalist item of the enhanced file, with its boxes and masks as they lie there."""
        output = (self.output_dir / line["output"]).absolute()
        factor = line["output_shape"][1] / line["source_shape"][1]
        return {**item, "image": str(output), **enhanced_annotations(item, output, factor)}
