"""Write a datalist of the radiographs that have masks of findings, for ``run explaining``.

    python benchmarks/covid_masks.py ../shared/data/cxr outputs/covid
    python -m bundle run explaining --dataset_dir outputs/covid --output_dir outputs/covid/explanation \
        --annotations "{Pneumonia: [Consolidation, Ground Glass Opacities], Infiltration: [Ground Glass Opacities]}"

Reads ``labels.csv`` (columns image, patient_id, masks); images stay where they are. All are ``test``: no classifier
here has seen them, and masks have no training prior.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "bundle"))

from scripts.data.datalist import Datalist, write_datalist  # noqa: E402


def main() -> None:
    """Write ``datalist.json``."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path)
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args()
    with (arguments.source / "labels.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["masks"]]
    items = [
        {
            "image": str((arguments.source / row["image"]).absolute()),
            "patient_id": row["patient_id"],
            "label": [],
            "masks": {
                name: str((arguments.source / path).absolute()) for name, path in json.loads(row["masks"]).items()
            },
        }
        for row in rows
    ]
    write_datalist(Datalist([], {"training": [], "validation": [], "test": items}), arguments.out / "datalist.json")
    print(f"{len(items)} radiographs with masks: {arguments.out / 'datalist.json'}")


if __name__ == "__main__":
    main()
