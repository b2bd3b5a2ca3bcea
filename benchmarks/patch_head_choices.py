"""Cross-validate how a patch head is trained and how its maps choose regions, on tokens of a frozen backbone.

    python benchmarks/patch_head_choices.py DATALIST --backbone DINOV2_SMALL --out OUT

The films are those of the training and validation splits; the test split is not read. The tokens are computed once.
Each choice is trained in five folds by patient, and all its results are of films outside the training folds: the
macro-AUROC of the image logits; the hit rate of the peak of a label's map (inside the annotation, and within 15 of 336
pixels; mean over labels); and, for each rule that makes the map of the regions, the share of the annotations whose
centre lies inside two and four windows. A choice that is finished is kept in OUT and not trained again. The intervals
of the differences to the first rule are drawn by patient.

The same is then printed for the films of the validation split alone. A backbone that was trained with the labels of the
training films knows them, which no fold can leave out, so that only the validation films are new to it.
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

from scripts.attention.output import NO_FINDING  # noqa: E402
from scripts.attention.with_maps import smoothed_shares, spread  # noqa: E402
from scripts.common.geometry import SquareGeometry, fit_square  # noqa: E402
from scripts.data.annotations import PictureFrame, annotations_of, findings_of, mean_shares  # noqa: E402
from scripts.data.datalist import load_datalist  # noqa: E402
from scripts.dicom import read_radiograph  # noqa: E402
from scripts.dicom.read.radiograph import read_grid  # noqa: E402
from scripts.experiments.explaining.coverage import coverage, film_regions  # noqa: E402
from scripts.experiments.explaining.map_metrics import hit  # noqa: E402
from scripts.metrics.classification import auroc  # noqa: E402
from scripts.networks import ViTMultilabel  # noqa: E402
from scripts.networks.map_loss import MapLoss  # noqa: E402
from scripts.networks.patch_head import PatchHead  # noqa: E402
from scripts.training.precision import resolve_precision  # noqa: E402

FOLDS, BATCH, RATE = 5, 32, 1e-3
AUTOCAST = torch.autocast("cpu", torch.bfloat16, enabled=resolve_precision("auto", "cpu") == "bf16")
COUNTS = (2, 4)
DRAWS = 2000
# What each choice changes: the weights of the losses on the maps, whether the position bias starts at the mean place of
# the training boxes, and how many of the last read blocks are read.
CHOICES: dict[str, dict[str, Any]] = {
    "boxes": {"patch": 1.0, "mass": 1.0, "start": True, "blocks": 3},
    "boxes, last block alone": {"patch": 1.0, "mass": 1.0, "start": True, "blocks": 1},
    "image labels only": {"patch": 0.0, "mass": 0.0, "start": False, "blocks": 3},
    "boxes, patch loss only": {"patch": 1.0, "mass": 0.0, "start": True, "blocks": 3},
    "boxes, mass loss only": {"patch": 0.0, "mass": 1.0, "start": True, "blocks": 3},
    "boxes, no start at the mean place": {"patch": 1.0, "mass": 1.0, "start": False, "blocks": 3},
    "boxes, mass weight 0.3": {"patch": 1.0, "mass": 0.3, "start": True, "blocks": 3},
}


class Films:
    """Tokens, labels and annotations of the training and validation films of a datalist."""

    def __init__(
        self, datalist_file: Path, data: Path | None, backbone: Path, size: int, others: int | None, out: Path
    ) -> None:
        datalist = load_datalist(datalist_file, dataset_dir=data or datalist_file.parent)
        items = [*datalist.splits["training"], *datalist.splits["validation"]]
        validation = np.arange(len(items)) >= len(datalist.splits["training"])
        order = np.random.default_rng(0).permutation(len(items))
        plain = [number for number in order if not findings_of(items[number], datalist.labels, {})]
        left_out = set() if others is None else set(plain[others:])
        self.items = [item for number, item in enumerate(items) if number not in left_out]
        self.validation = np.array([new for number, new in enumerate(validation) if number not in left_out])
        self.labels, self.size = datalist.labels, size
        self.patients = np.unique([item["patient_id"] for item in self.items], return_inverse=True)[1]
        self.targets = torch.tensor(
            [[float("nan") if value is None else float(value) for value in item["label"]] for item in self.items]
        )
        network = ViTMultilabel(
            backbone, num_labels=len(self.labels), image_size=size, pool="cls_mean", patch_head=True
        ).eval()
        self.grid, self.width = network.patch_grid, network.backbone.config.hidden_size
        self.blocks = len(network.blocks_read)
        self.frames: dict[int, PictureFrame] = {}
        self.parts: dict[int, dict[str, list[np.ndarray]]] = {}
        self.shares = torch.zeros(len(self.items), len(self.labels), *self.grid)
        self.tokens = self._tokens(network, out)

    @torch.inference_mode()
    def _tokens(self, network: ViTMultilabel, out: Path) -> np.ndarray:
        """CLS and patch tokens of the blocks that a patch head reads, (N, 1 + h w, blocks * D) float16.

        They are kept in a file. Annotations are read on the way.
        """
        path, count = out / f"tokens_{self.size}_{len(self.items)}.npy", self.grid[0] * self.grid[1] + 1
        kept = path.exists()
        partial = path if kept else path.with_suffix(".partial")
        shape = (len(self.items), count, self.blocks * self.width)
        tokens = np.lib.format.open_memmap(partial, "r" if kept else "w+", np.float16, shape)
        for number, item in enumerate(self.items):
            found = {
                label: names
                for label, names in findings_of(item, self.labels, {}).items()
                if item["label"][self.labels.index(label)] != 0
            }
            if kept and not found:
                continue
            image = torch.from_numpy(read_radiograph(item["image"]).image)
            if found:
                geometry = SquareGeometry(image.shape[-2], image.shape[-1], self.size)
                self._annotate(number, found, PictureFrame(geometry, read_grid(item["image"])))
            if not kept:
                with AUTOCAST:
                    read = torch.cat(network.encode(fit_square(image, self.size)[None]).read, dim=2)[0].float()
                tokens[number] = torch.cat([read[:1], read[1 - count :]]).numpy()
                if number % 100 == 0:
                    print(f"tokens: {number} of {len(self.items)}", flush=True)
        partial.rename(path)
        return tokens

    def _annotate(self, number: int, found: dict[str, set], frame: PictureFrame) -> None:
        """Masks and covered shares of the annotations of a film."""
        parts = {label: annotations_of(self.items[number], names, frame) for label, names in found.items()}
        self.frames[number], self.parts[number] = frame, parts
        for label in parts:
            self.shares[number, self.labels.index(label)] = F.adaptive_avg_pool2d(
                self.mask(number, label)[None, None].float(), self.grid
            )[0, 0]

    def mask(self, number: int, label: str) -> torch.Tensor:
        """Annotated pixels (S, S) bool of a label."""
        square = np.zeros((self.size, self.size), bool)
        square[self.frames[number].inside()] = np.logical_or.reduce(self.parts[number][label])
        return torch.from_numpy(square)


class Heads(nn.Module):
    """Linear head on the final CLS token and the mean of the final patch tokens, with the patch head added."""

    def __init__(self, films: Films, blocks: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(2 * films.width, affine=False)
        self.linear = nn.Linear(2 * films.width, len(films.labels))
        self.width, self.blocks = films.width, blocks
        self.patch = PatchHead(blocks * films.width, len(films.labels), films.grid)

    def forward(self, tokens: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Tokens (B, 1 + h w, blocks * D) -> image logits (B, C) and patch logits (B, C, h, w)."""
        read = tokens.split(self.width, dim=2)[-self.blocks :]
        patches, final = self.patch([one[:, 1:] for one in read]), read[-1]
        logits = self.linear(self.norm(torch.cat([final[:, 0], final[:, 1:].mean(dim=1)], dim=1)))
        return logits.float() + self.patch.pool(patches), patches


def image_loss(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Binary cross-entropy over the labels that are known."""
    known = labels.isfinite()
    return F.binary_cross_entropy_with_logits(logits[known], labels[known])


def train(films: Films, members: np.ndarray, choice: dict[str, Any], epochs: int, seed: int) -> Heads:
    """Train the heads on some films."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    heads = Heads(films, choice["blocks"])
    if choice["start"]:
        annotated = [number for number in members if number in films.parts]
        masks = ({label: films.mask(number, label) for label in films.parts[number]} for number in annotated)
        starts = mean_shares(masks, films.grid)
        heads.patch.start_at({films.labels.index(label): share for label, share in starts.items()})
    loss_of = MapLoss(image_loss, patch_weight=choice["patch"], mass_weight=choice["mass"])
    optimizer = torch.optim.AdamW(heads.parameters(), RATE, weight_decay=0.01)
    steps = epochs * (len(members) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=steps)
    for _ in range(epochs):
        order = rng.permutation(members)
        for batch in np.split(order[: len(order) // BATCH * BATCH], len(order) // BATCH):
            with AUTOCAST:
                logits, patches = heads(torch.from_numpy(films.tokens[batch].astype(np.float32)))
            outputs, targets = (logits, {"patch_logits": patches}), (films.targets[batch], films.shares[batch])
            optimizer.zero_grad()
            loss_of(outputs, targets).backward()
            optimizer.step()
            schedule.step()
    return heads.eval()


@torch.inference_mode()
def out_of_fold(films: Films, choice: dict[str, Any], epochs: int) -> tuple[np.ndarray, np.ndarray]:
    """Image logits (N, C) and patch logits (N, C, h, w) of each film, from the heads that were not trained with it."""
    logits = np.zeros((len(films.items), len(films.labels)), np.float32)
    maps = np.zeros((len(films.items), len(films.labels), *films.grid), np.float16)
    splitter = GroupKFold(FOLDS, shuffle=True, random_state=0)
    for fold, (members, held) in enumerate(splitter.split(films.patients, groups=films.patients)):
        with torch.inference_mode(False), torch.enable_grad():
            heads = train(films, members, choice, epochs, fold)
        for batch in np.array_split(held, max(1, len(held) // BATCH)):
            with AUTOCAST:
                own, patches = heads(torch.from_numpy(films.tokens[batch].astype(np.float32)))
            logits[batch], maps[batch] = own.float().numpy(), patches.float().numpy()
    return logits, maps


def region_maps(
    patches: torch.Tensor,
    shares: torch.Tensor,
    logits: torch.Tensor,
    prevalence: torch.Tensor,
    located: torch.Tensor,
    present: torch.Tensor,
) -> dict[str, torch.Tensor]:
    """Map (h, w) of the regions of a film by each rule, from patch logits and maps (C, h, w) and image logits (C,).

    ``located`` (C,) bool marks the labels that have annotations, which alone take part in the rule that is used.
    ``present`` (C,) bool marks the labels of the film, which only the last rule knows.
    """
    expected = shares * logits.sigmoid()[:, None, None]
    excess = logits - torch.logit(prevalence)
    # A label is shown if it is more probable than its prevalence, or is one of the three that come closest.
    shown = excess > 0 if (excess > 0).any() else excess >= excess.topk(3).values[-1]
    balanced = shares * excess.sigmoid()[:, None, None]
    return {
        "sum of probability x share": expected.sum(dim=0),
        "sum of probability x share, annotated labels": expected[located].sum(dim=0),
        "sum of probability at equal prevalence x share": balanced.sum(dim=0),
        "sum of shares, shown labels": shares[shown].sum(dim=0),
        "sum of probability x share, shown labels": expected[shown].sum(dim=0),
        "maximum of probability x share": expected.amax(dim=0),
        "sum of patch probabilities": patches.sigmoid().sum(dim=0),
        "maximum of patch probabilities": patches.sigmoid().amax(dim=0),
        "sum of shares, annotated labels of the film": shares[located & present].sum(dim=0),
    }


def summarise(films: Films, logits: np.ndarray, maps: np.ndarray, measured: np.ndarray) -> dict[str, Any]:
    """Metrics of a choice on the films that ``measured`` (N,) bool marks."""
    targets = films.targets[torch.from_numpy(measured)].numpy()
    areas = [auroc(targets[:, label], logits[measured, label]) for label in range(len(films.labels))]
    diseases = torch.tensor([label != NO_FINDING for label in films.labels])
    prevalence = films.targets.nanmean(dim=0)[diseases]
    annotated = {label for parts in films.parts.values() for label in parts}
    located = torch.tensor([label in annotated for label in films.labels])[diseases]
    hits: dict[str, list[tuple[bool, bool]]] = {}
    covered: dict[str, list[list[float]]] = {}
    owners: list[int] = []
    smoothing = [spread(side) for side in films.grid]
    window, tolerance = round(films.size * 64 / 224), 15 * films.size / 336
    for number, parts in films.parts.items():
        if not measured[number]:
            continue
        frame, patches = films.frames[number], torch.from_numpy(maps[number].astype(np.float32))
        shares = smoothed_shares(patches[None], *smoothing)[0]
        for label, masks in parts.items():
            truth, pixels = np.logical_or.reduce(masks), frame.pixels(shares[films.labels.index(label)])
            hits.setdefault(label, []).append((hit(pixels, truth), hit(pixels, truth, tolerance)))
        owners += [films.patients[number]] * len(parts)
        own = torch.from_numpy(logits[number])[diseases]
        present = films.targets[number, diseases] == 1
        rules = region_maps(patches[diseases], shares[diseases], own, prevalence, located, present)
        for rule, one in rules.items():
            regions = film_regions(frame.pixels(one), COUNTS, window)
            for masks in parts.values():
                found = coverage([regions], masks, COUNTS)
                covered.setdefault(rule, []).append([found[f"coverage_{count}"] for count in COUNTS])
    strict, near = np.mean([np.mean(own, axis=0) for own in hits.values()], axis=0)
    return {
        "macro_auroc": round(float(np.mean([area for area in areas if area is not None])), 4),
        "hit": round(float(strict), 3),
        "near": round(float(near), 3),
        "coverage": _coverage_table({rule: np.array(rows) for rule, rows in covered.items()}, np.array(owners)),
    }


def _coverage_table(covered: dict[str, np.ndarray], owners: np.ndarray) -> dict[str, dict[str, Any]]:
    """Coverage (N, counts) of each rule, and the interval of its difference to the first rule, drawn by patient."""
    rng = np.random.default_rng(0)
    members = [np.flatnonzero(owners == one) for one in np.unique(owners)]
    draws = [
        np.concatenate([members[one] for one in rng.integers(0, len(members), len(members))]) for _ in range(DRAWS)
    ]
    first = next(iter(covered.values()))
    table = {}
    for rule, rows in covered.items():
        differences = np.array([(rows - first)[draw].mean(axis=0) for draw in draws])
        low, high = np.quantile(differences, (0.025, 0.975), axis=0)
        table[rule] = {
            f"{count} windows": [
                round(float(value), 3) for value in (rows[:, column].mean(), low[column], high[column])
            ]
            for column, count in enumerate(COUNTS)
        }
    return table


def check_settings(arguments: argparse.Namespace) -> None:
    """Record the settings in the output folder, whose tokens and results depend on them.

    Raises:
        ValueError: the folder has results of other settings.
    """
    own = {name: str(value) for name, value in vars(arguments).items() if name not in ("out", "choices")}
    path = arguments.out / "settings.json"
    if path.exists() and (found := json.loads(path.read_text())) != own:
        raise ValueError(f"{path}: expected the settings {own}, found {found}; take another --out")
    path.write_text(json.dumps(own))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("datalist", type=Path)
    parser.add_argument("--data", type=Path, help="folder that paths are relative to; default: that of the datalist")
    parser.add_argument("--backbone", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--size", type=int, default=336)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--others", type=int, help="number of films without an annotation; default: all")
    parser.add_argument("--choices", nargs="*", default=list(CHOICES), choices=list(CHOICES))
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    check_settings(arguments)
    films = Films(
        arguments.datalist, arguments.data, arguments.backbone, arguments.size, arguments.others, arguments.out
    )
    print(f"{len(films.items)} films, {sum(map(len, films.parts.values()))} annotated findings in {len(films.parts)}")
    for name in arguments.choices:
        path = arguments.out / f"{name.replace(' ', '_').replace(',', '')}.npz"
        if not path.exists():
            logits, maps = out_of_fold(films, CHOICES[name], arguments.epochs)
            np.savez(path, logits=logits, maps=maps)
        with np.load(path) as kept:
            for where, measured in (("all films", np.ones(len(films.items), bool)), ("validation", films.validation)):
                found = summarise(films, kept["logits"], kept["maps"], measured)
                print(name, where, json.dumps(found, indent=1), sep=", ", flush=True)


if __name__ == "__main__":
    main()
