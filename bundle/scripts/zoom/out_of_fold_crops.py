"""Crops of a data set whose training films get their regions from a network that has not seen them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from ..networks.vit_multilabel import ViTMultilabel
from ..networks.zoom import ZoomViT
from ..super_resolution.out_of_fold import OutOfFold
from .crop_cache import CropCache, crops_for
from .crops import Zoomer, zoom_enhancer


class OutOfFoldCrops:
    """Crops of training films by the network of their fold, of other films by the guide, as in a prediction.

    Args:
        own: crops by the guide of the network.
        folds: crops by the network of each fold, in the order of ``models``.
        models: networks of the folds.
    """

    def __init__(self, own: CropCache, folds: Sequence[CropCache], models: OutOfFold) -> None:
        self.own, self.folds, self.models = own, folds, models

    def prepare(self, paths: Sequence[str]) -> None:
        """Cut the crops of the source files that have no entry; see :meth:`.crop_cache.CropCache.prepare`."""
        caches = [self.cache_of(path) for path in paths]
        for cache in dict.fromkeys(caches):
            cache.prepare([path for path, of in zip(paths, caches, strict=True) if of is cache])

    def __call__(self, path: str) -> dict[str, torch.Tensor]:
        """``zoom`` and ``zoom_boxes`` of a source file; see :meth:`.crop_cache.CropCache.__call__`."""
        return self.cache_of(path)(path)

    def cache_of(self, path: str | Path) -> CropCache:
        """Crops by the network that is chosen for a film."""
        return self.folds[self.models.choose(path)] if self.models.is_training_film(path) else self.own


def out_of_fold_crops(
    network: ViTMultilabel,
    cache_dir: str | Path,
    folder: str | Path,
    device: torch.device | str = "cpu",
    num_workers: int = 2,
    fold_dir: str | Path | None = None,
) -> CropCache | OutOfFoldCrops | None:
    """Crops that a network reads in its training.

    Args:
        network: new zoom network.
        cache_dir: see :func:`.crop_cache.crops_for`.
        folder: see :func:`.crop_cache.crops_for`.
        device: device of the enhancer and of the networks of the folds.
        num_workers: number of decoding threads.
        fold_dir: networks of the folds, see :class:`..super_resolution.out_of_fold.OutOfFold`; ``None``: the guide
            chooses all regions.
    """
    own = crops_for(network, cache_dir, folder, device, num_workers)
    if own is None or fold_dir is None or not isinstance(network, ZoomViT):
        return own
    guide, zoom = network.guide, network.zoom
    models = OutOfFold(
        fold_dir, labels=guide.labels, image_size=guide.image_size, device=device, attention={"method": zoom.attention}
    )
    enhancer = zoom_enhancer(zoom, folder, device)
    zoomers = [Zoomer(one, zoom, enhancer, network.mean_map) for one in models.networks]
    return OutOfFoldCrops(own, [CropCache(cache_dir, zoomer, num_workers) for zoomer in zoomers], models)
