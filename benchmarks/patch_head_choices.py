"""Cross-validate how the patch head is trained, and how its maps choose regions, on tokens of a frozen backbone.

    python benchmarks/patch_head_choices.py outputs/nih/datalist.json --backbone DINOV2_SMALL --out outputs/patch-head

The tokens are computed once. Each choice is then trained in five folds by patient over the training and validation
films; the test split is not used. The table has the macro-AUROC of the image logits, and, over all boxed films outside
their training folds, the hit rate of the peak of a label's map (strict, and within 15 of 336 pixels; mean over labels)
and the share of boxes whose centre lies in two or four windows, for each rule that makes a region map of the maps of
the labels. Intervals are drawn by patient; differences are paired with the choice ``boxes``.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.model_selection import GroupKFold
from torch import nn

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "bundle"))

from scripts.common.geometry import SquareGeometry, fit_square  # noqa: E402
from scripts.data.annotations import PictureFrame, annotations_of, findings_of  # noqa: E402
from scripts.data.datalist import load_datalist  # noqa: E402
from scripts.dicom import read_radiograph  # noqa: E402
from scripts.dicom.read.radiograph import read_grid  # noqa: E402
from scripts.experiments.explaining.coverage import coverage, film_regions  # noqa: E402
from scripts.experiments.explaining.map_metrics import hit  # noqa: E402
from scripts.metrics.classification import auroc  # noqa: E402
from scripts.networks import ViTMultilabel  # noqa: E402
from scripts.networks.patch_head import PatchHead  # noqa: E402

FOLDS, EPOCHS, BATCH, RATE = 5, 8, 32, 1e-3
COUNTS = (2, 4)
# What each choice changes: weights of the patch loss, the mass loss and the loss of the pooled logits alone, and
# whether the position bias is learnt and starts at the mean of the training boxes.
CHOICES: dict[str, dict[str, Any]] = {
    "no patch head": {"head": False},
    "image labels only": {"patch": 0.0, "mass": 0.0, "start": False},
    "image labels only, pooled loss": {"patch": 0.0, "mass": 0.0, "start": False, "pooled": 0.5},
    "boxes": {},
    "boxes, pooled loss": {"pooled": 0.5},
    "boxes, no start at the mean box": {"start": False},
    "boxes, no position bias": {"position": False, "start": False},
    "boxes, patch loss only": {"mass": 0.0},
    "boxes, mass loss only": {"patch": 0.0},
    "boxes, mass weight 0.3": {"mass": 0.3},
}


class Films:
    """Tokens, labels and findings of the training and validation films of a datalist."""

    def __init__(self, datalist_file: Path, data: Path, backbone: Path, size: int, out: Path) -> None:
        datalist = load_datalist(datalist_file, dataset_dir=data)
        self.items = [*datalist.splits["training"], *datalist.splits["validation"]]
        self.labels = datalist.labels
        self.size = size
        network = ViTMultilabel(backbone, num_labels=len(self.labels), image_size=size, pool="cls_mean").eval()
        self.grid, self.width = network.patch_grid, network.backbone.config.hidden_size
        self.targets = np.array([[np.nan if v is None else v for v in item["label"]] for item in self.items])
        self.patients = np.unique([item["patient_id"] for item in self.items], return_inverse=True)[1]
        self.parts: list[dict[int, list[np.ndarray]]] = []
        self.frames: list[PictureFrame] = []
        self.tokens = self._tokens(network, out)
        self.covered = self._covered()
        self.boxed = [number for number, parts in enumerate(self.parts) if parts]

    def _tokens(self, network: ViTMultilabel, out: Path) -> np.ndarray:
        """Final tokens (N, 1 + h w, D) float16, kept in a file; annotations are read on the way."""
        path, count = out / f"tokens_{self.size}.npy", self.grid[0] * self.grid[1] + 1
        shape = (len(self.items), count, self.width)
        kept = path.exists()
        tokens = np.lib.format.open_memmap(path, "r" if kept else "w+", np.float16, shape)
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
            for number, item in enumerate(self.items):
                image = torch.from_numpy(read_radiograph(item["image"]).image)
                geometry = SquareGeometry(image.shape[-2], image.shape[-1], self.size)
                self.frames.append(PictureFrame(geometry, read_grid(item["image"])))
                found = findings_of(item, self.labels, {})
                self.parts.append(
                    {
                        self.labels.index(label): annotations_of(item, names, self.frames[-1])
                        for label, names in found.items()
                    }
                )
                if not kept:
                    final = network.encode(fit_square(image, self.size)[None])[0][0].float()
                    tokens[number] = torch.cat([final[:1], final[1 - count :]]).numpy()
                    if number % 100 == 0:
                        print(f"tokens: {number} of {len(self.items)}", flush=True)
        return tokens

    def _covered(self) -> torch.Tensor:
        """Covered share (N, C, h, w) of each patch."""
        covered = torch.zeros(len(self.items), len(self.labels), *self.grid)
        for number, parts in enumerate(self.parts):
            for label, masks in parts.items():
                square = torch.zeros(self.size, self.size)
                square[self.frames[number].inside()] = torch.from_numpy(np.logical_or.reduce(masks)).float()
                covered[number, label] = F.adaptive_avg_pool2d(square[None, None], self.grid)[0, 0]
        return covered


class Heads(nn.Module):
    """Linear head on the CLS and the mean patch token, and the patch head."""

    def __init__(self, films: Films, prior: torch.Tensor, choice: dict[str, Any]) -> None:
        super().__init__()
        self.linear = nn.Linear(2 * films.width, len(films.labels))
        self.norm = nn.BatchNorm1d(2 * films.width, affine=False)
        self.patch = PatchHead(films.width, len(films.labels), films.grid) if choice.get("head", True) else None
        if self.patch is not None and choice.get("start", True):
            share = prior * 0.5 + 0.01
            self.patch.position.data = torch.logit(share) - 2
        if self.patch is not None and not choice.get("position", True):
            self.patch.position.requires_grad_(False)

    def forward(self, tokens: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor | None, torch.Tensor | None]:
        """Tokens (B, 1 + h w, D) -> image logits (B, C), patch logits (B, C, h, w), pooled logits (B, C)."""
        logits = self.linear(self.norm(torch.cat([tokens[:, 0], tokens[:, 1:].mean(dim=1)], dim=1)))
        if self.patch is None:
            return logits, None, None
        patches = self.patch(tokens[:, 1:])
        pooled = self.patch.pool(patches)
        return logits + pooled, patches, pooled


def loss_of(found: Any, targets: torch.Tensor, covered: torch.Tensor, choice: dict[str, Any]) -> torch.Tensor:
    """Sum of the losses of a choice; the definitions are those of ``networks/patch_loss.py``."""
    logits, patches, pooled = found
    loss = F.binary_cross_entropy_with_logits(logits, targets)
    if patches is None:
        return loss
    annotated = covered.flatten(2).amax(dim=2) > 0
    if weight := choice.get("patch", 1.0):
        entropy = F.binary_cross_entropy_with_logits(patches, covered, reduction="none").flatten(2).mean(dim=2)
        loss = loss + weight * (_mean(entropy, annotated) + _mean(entropy, targets == 0))
    if weight := choice.get("mass", 1.0):
        shares = patches.flatten(2).log_softmax(dim=2) + covered.flatten(2).clamp(min=1e-6).log()
        loss = loss + weight * _mean(-torch.logsumexp(shares, dim=2), annotated)
    if weight := choice.get("pooled", 0.0):
        loss = loss + weight * F.binary_cross_entropy_with_logits(pooled - 2, targets)
    return loss


def _mean(values: torch.Tensor, chosen: torch.Tensor) -> torch.Tensor:
    return (values * chosen).sum() / chosen.sum().clamp(min=1)


def train(films: Films, members: np.ndarray, choice: dict[str, Any], seed: int) -> Heads:
    """Train the heads on some films; a third of each batch has boxes."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    counts = (films.covered[members].flatten(2).amax(dim=2) > 0).sum(dim=0).clamp(min=1)
    prior = films.covered[members].sum(dim=0) / counts[:, None, None]
    heads = Heads(films, prior, choice)
    optimizer = torch.optim.AdamW((one for one in heads.parameters() if one.requires_grad), RATE, weight_decay=0.05)
    steps = EPOCHS * len(members) // BATCH
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=steps + 1)
    for _ in range(steps):
        batch = np.sort(rng.choice(members, BATCH, replace=False))
        tokens = torch.from_numpy(films.tokens[batch].astype(np.float32))
        with torch.autocast("cpu", torch.bfloat16):
            found = heads(tokens)
        targets = torch.from_numpy(films.targets[batch]).float()
        loss = loss_of([None if one is None else one.float() for one in found], targets, films.covered[batch], choice)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return heads.eval()


def region_maps(patches: torch.Tensor, logits: torch.Tensor, boxed: list[int]) -> dict[str, torch.Tensor]:
    """Region maps (h, w) of one film by several rules, from patch logits (C, h, w) and image logits (C,)."""
    patches, logits = patches[boxed], logits[boxed]
    probability, share = patches.sigmoid(), patches.flatten(1).softmax(dim=1).reshape(patches.shape)
    present = logits.sigmoid()[:, None, None]
    return {
        "maximum": probability.amax(dim=0),
        "sum": probability.sum(dim=0),
        "maximum of image x share": (present * share).amax(dim=0),
        "sum of image x share": (present * share).sum(dim=0),
        "three most probable": probability[logits.topk(3).indices].amax(dim=0),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("datalist", type=Path)
    parser.add_argument("--data", type=Path, help="folder that paths are relative to; default: that of the datalist")
    parser.add_argument("--backbone", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--size", type=int, default=336)
    parser.add_argument("--choices", nargs="*", default=list(CHOICES), choices=list(CHOICES))
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    films = Films(
        arguments.datalist,
        arguments.data or arguments.datalist.parent,
        arguments.backbone,
        arguments.size,
        arguments.out,
    )
    boxed_labels = sorted({label for parts in films.parts for label in parts})
    folds = list(GroupKFold(FOLDS, shuffle=True, random_state=0).split(films.targets, groups=films.patients))
    for name in arguments.choices:
        path = arguments.out / f"{name.replace(' ', '_').replace(',', '')}.npz"
        if path.exists():
            continue
        choice = CHOICES[name]
        logits = np.zeros((len(films.items), len(films.labels)), np.float32)
        maps = np.zeros((len(films.items), len(films.labels), *films.grid), np.float16)
        for fold, (members, held) in enumerate(folds):
            heads = train(films, members, choice, fold)
            with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
                for batch in np.array_split(held, max(1, len(held) // BATCH)):
                    found = heads(torch.from_numpy(films.tokens[batch].astype(np.float32)))
                    logits[batch] = found[0].float().numpy()
                    if found[1] is not None:
                        maps[batch] = found[1].float().numpy()
        np.savez(path, logits=logits, maps=maps)
        print(name, json.dumps(summarise(films, logits, maps, boxed_labels)), flush=True)


def summarise(films: Films, logits: np.ndarray, maps: np.ndarray, boxed_labels: list[int]) -> dict[str, Any]:
    """Figures of a choice."""
    areas = [auroc(films.targets[:, label], logits[:, label]) for label in range(len(films.labels))]
    found: dict[str, Any] = {"auroc": round(float(np.mean([one for one in areas if one is not None])), 4)}
    if not maps.any():
        return found
    hits: dict[int, list[tuple[bool, bool]]] = {label: [] for label in boxed_labels}
    covered: dict[str, list[dict[str, float]]] = {}
    window, tolerance = round(films.size * 64 / 224), 15 * films.size / 336
    for number in films.boxed:
        frame, patches = films.frames[number], torch.from_numpy(maps[number].astype(np.float32))
        for label, parts in films.parts[number].items():
            truth, pixels = np.logical_or.reduce(parts), frame.pixels(patches[label])
            hits[label].append((hit(pixels, truth), hit(pixels, truth, tolerance)))
        for rule, one in region_maps(patches, torch.from_numpy(logits[number]), boxed_labels).items():
            regions = film_regions(frame.pixels(one), COUNTS, window)
            for parts in films.parts[number].values():
                covered.setdefault(rule, []).append(coverage([regions], parts, COUNTS))
    strict, near = np.mean([np.mean(of_label, axis=0) for of_label in hits.values()], axis=0)
    found |= {"hit": round(float(strict), 3), "near": round(float(near), 3)}
    for rule, rows in covered.items():
        found[rule] = [round(float(np.mean([row[f"coverage_{count}"] for row in rows])), 3) for count in COUNTS]
    return found


if __name__ == "__main__":
    main()
