"""Average the weights of trained models that continue the same network ("model soup", arXiv:2203.05482).

    python benchmarks/average_models.py outputs/stage2 outputs/stage2b --out outputs/averaged

Each argument is the output folder of a training. ``--start 0.5`` then averages the result with the model that the runs
continue ("WiSE-FT", arXiv:2109.01903), which has a share of 0.5; a patch head keeps the weights of the runs.
The averaged model is written to ``OUT/model``, so that ``evaluating`` and ``ship_classifier.py`` read it like that of a
training. Its provenance is that of the first run without its validation metrics; ``averaged_with`` holds that of the
others, and ``share_of_start`` the share.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import torch

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "bundle"))

from scripts.data.fingerprints import TRAINING_IMAGES  # noqa: E402
from scripts.networks import ViTMultilabel, load_vit_multilabel, save_vit_multilabel  # noqa: E402


def provenance_of(run: Path) -> dict[str, object]:
    """Settings and validation metrics that a training stored with its model."""
    provenance: dict[str, object] = json.loads((run / "model" / "metadata.json").read_text())["provenance"]
    return provenance


def start_of(network: ViTMultilabel, backbone: str) -> dict[str, torch.Tensor]:
    """Weights of the model that a network continued, at the resolution of the network and without a patch head."""
    start = ViTMultilabel(
        backbone,
        num_labels=len(network.labels),
        labels=network.labels,
        image_size=network.image_size,
        pool=network.pool,
        label_blocks=network.label_blocks,
        conv_branch=network.conv_branch,
    )
    return start.state_dict()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=Path, nargs="+")
    parser.add_argument("--start", type=float, default=0.0, help="share of the model that the runs continue, in [0, 1)")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    if not 0 <= arguments.start < 1:
        raise SystemExit(f"--start: expected a share in [0, 1), found {arguments.start}")
    first, *others = arguments.runs
    provenances = [provenance_of(run) for run in arguments.runs]
    backbones = {str(provenance["backbone"]) for provenance in provenances}
    if not others or len(backbones) != 1:
        raise SystemExit(
            f"runs: expected two or more runs that continue the same model, found {len(arguments.runs)} from "
            f"{sorted(backbones)}; weights of networks with different starts cannot be averaged"
        )
    networks = [load_vit_multilabel(run / "model") for run in arguments.runs]
    if any(network.located_labels != networks[0].located_labels for network in networks):
        raise SystemExit("runs: expected patch heads that were trained with boxes of the same labels, found others")
    states = [network.state_dict() for network in networks]
    average = {
        name: torch.stack([state[name].double() for state in states]).mean(dim=0).to(value.dtype)
        for name, value in states[0].items()
    }
    if arguments.start:
        start = start_of(networks[0], backbones.pop())
        for name, value in start.items():
            average[name] = torch.lerp(average[name].double(), value.double(), arguments.start).to(value.dtype)
    networks[0].load_state_dict(average)
    kept = {key: value for key, value in provenances[0].items() if key not in ("epoch", "validation")}
    provenance = {**kept, "averaged_with": provenances[1:], "share_of_start": arguments.start}
    save_vit_multilabel(
        networks[0],
        arguments.out / "model",
        labels=networks[0].labels,
        provenance=provenance,
        files={TRAINING_IMAGES: (first / "model" / TRAINING_IMAGES).read_bytes()},
    )
    print(f"{arguments.out / 'model'}: mean of {len(networks)} models")


if __name__ == "__main__":
    main()
