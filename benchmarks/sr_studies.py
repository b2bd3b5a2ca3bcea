"""Write the radiographs that super-resolution is trained and judged on, with a labels table in our CSV layout.

    python benchmarks/sr_studies.py ../shared/data/cxr outputs/sr-data

Reads ``labels.csv`` (columns image, patient_id, source, split, hr_image and No Finding) and copies, by split: every
1024 × 1024 original; for training and validation also its half-size version (16-bit PNG, antialiased) and some of the
448 × 448 JPEG files, because regions are enhanced at several resolutions. The test split has originals only.
"""

from __future__ import annotations

import argparse
import csv
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "bundle"))

from scripts.dicom import read_radiograph  # noqa: E402
from scripts.super_resolution.resampling import degrade  # noqa: E402

SMALL = {"train": 600, "val": 60}  # of the 448-pixel files; all of them would outweigh the originals


def write_half(source: Path, target: Path) -> None:
    """Half-size version of a picture, 16 bit."""
    image = torch.from_numpy(read_radiograph(source).image)[None]
    half = degrade(image, 2).clamp(0, 1)[0, 0].numpy()
    Image.fromarray(np.rint(half * 65535).astype(np.uint16)).save(target)


def write_images(row: dict[str, str], source: Path, out: Path) -> list[str]:
    """Paths, relative to ``out``, of what was written for one row."""
    if not row["hr_image"]:
        made = [f"small/{Path(row['image']).name}"]
        shutil.copyfile(source / row["image"], out / made[0])
        return made
    name = Path(row["hr_image"]).name
    shutil.copyfile(source / row["hr_image"], out / "full" / name)
    if row["split"] == "test":
        return [f"full/{name}"]
    write_half(source / row["hr_image"], out / "half" / name)
    return [f"full/{name}", f"half/{name}"]


def chosen_rows(rows: list[dict[str, str]]) -> list[dict[str, str]]:
    """All rows with an original; some of the others of training and validation."""
    chosen = [row for row in rows if row["hr_image"]]
    for split, count in SMALL.items():
        others = [row for row in rows if row["split"] == split and not row["hr_image"]]
        chosen += others[:: max(1, len(others) // count)][:count]
    return chosen


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path)
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args()
    for folder in ("full", "half", "small"):
        (arguments.out / folder).mkdir(parents=True, exist_ok=True)
    with (arguments.source / "labels.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["source"] == "nih_chestxray14"]
    table: list[dict[str, Any]] = []
    for row in chosen_rows(rows):
        kept = {name: row[name] for name in ("patient_id", "split", "No Finding")}
        table += [{"image": path, **kept} for path in write_images(row, arguments.source, arguments.out)]
    with (arguments.out / "labels.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(table[0]))
        writer.writeheader()
        writer.writerows(table)
    print(f"{len(table)} images in {arguments.out}")


if __name__ == "__main__":
    main()
