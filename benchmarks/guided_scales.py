"""The guided enhancer at scales of 1.5 to 4.5 beside data-consistent bicubic, and what its guide is worth.

    python benchmarks/guided_scales.py DATA/cxr outputs/sr --split val

Windows of the 1024-pixel originals of a split are reduced to 64 pixels and enlarged again. The guide is measured at
scale 4: none, the film's own surroundings (as in use), those of another film of the same patient, moved to where the
two films correlate best, and those of another patient's film, moved likewise (a wrong guide).
"""

from __future__ import annotations

import argparse
import csv
import sys
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from bundle.scripts.dicom import read_radiograph
from bundle.scripts.experiments.kit.paired_statistics import mean_interval
from bundle.scripts.super_resolution.enhancers.data_consistency import data_consistent
from bundle.scripts.super_resolution.enhancers.guided import GuidedEnhancer
from bundle.scripts.super_resolution.enhancers.residual import ResidualEnhancer
from bundle.scripts.super_resolution.fidelity import psnr
from bundle.scripts.super_resolution.resampling import resize

SCALES, WINDOW = (1.5, 2.0, 3.0, 4.0, 4.5), 64
PLACES = ((0.3, 0.1), (0.3, 0.6))  # upper left corner of the windows, as a share of the film: one in each lung
Box = tuple[int, int, int, int]
Found = dict[str, list[float]]


def read(path: Path) -> Tensor:
    """Film (1, 1, H, W) in [0, 1]."""
    return torch.from_numpy(read_radiograph(path).image)[None]


def boxes(length: int) -> list[Box]:
    """Windows in a reduced film of one side length."""
    corners = [
        (min(int(row * length), length - WINDOW), min(int(col * length), length - WINDOW)) for row, col in PLACES
    ]
    return [(row, column, row + WINDOW, column + WINDOW) for row, column in corners]


def cases(film: Tensor, scale: float) -> list[tuple[Box, Tensor, Tensor]]:
    """Box in the reduced film, truth (1, 1, H, W) and input (1, 1, 64, 64) of each window."""
    found = []
    for box in boxes(round(film.shape[-1] / scale)):
        row, column, side = round(box[0] * scale), round(box[1] * scale), round(WINDOW * scale)
        truth = film[..., row : row + side, column : column + side].contiguous()
        found.append((box, truth, resize(truth, (WINDOW, WINDOW)).clamp(0, 1)))
    return found


def moved_to(film: Tensor, reference: Tensor) -> Tensor:
    """Film (1, 1, S, S), resized and moved (cyclically) to where it correlates best with a reference (1, 1, S, S)."""
    film = resize(film, (reference.shape[-2], reference.shape[-1])).clamp(0, 1)
    spectra = [torch.fft.fft2(image - image.mean()) for image in (reference, film)]
    correlation = torch.fft.ifft2(spectra[0] * spectra[1].conj()).real[0, 0]
    row, column = divmod(int(correlation.argmax()), correlation.shape[-1])
    return film.roll((row, column), dims=(-2, -1))


def measure(enhancer: GuidedEnhancer, residual: ResidualEnhancer, film: Tensor, others: dict[str, Tensor]) -> Found:
    """PSNR of one film less that of bicubic, or of the result with its own guide, a value for each window."""
    found: Found = {}

    def note(name: str, image: Tensor, truth: Tensor, plain: float) -> None:
        found.setdefault(name, []).append(psnr(image[0].clamp(0, 1), truth[0]) - plain)

    for scale in SCALES:
        small = resize(film, (round(film.shape[-2] / scale), round(film.shape[-1] / scale))).clamp(0, 1)
        for box, truth, low_res in cases(film, scale):
            plain = psnr(data_consistent(resize(low_res, (truth.shape[-2], truth.shape[-1])), low_res)[0], truth[0])
            own = enhancer.enlarge(low_res, scale, enhancer.make_guide(small[0], box)[None])
            note(f"x{scale:g}", own, truth, plain)
            if scale != 4:
                continue
            note("x4 residual", residual.enhance(low_res, generators=[]), truth, plain)
            guided = psnr(own[0].clamp(0, 1), truth[0])
            note("x4, without a guide, less with its own", enhancer.enlarge(low_res, scale), truth, guided)
            for name, other in others.items():
                guide = enhancer.make_guide(moved_to(other, small)[0], box)[None]
                note(f"x4, guide of {name}, less its own", enhancer.enlarge(low_res, scale, guide), truth, guided)
    return found


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path, help="folder with labels.csv and the films")
    parser.add_argument("model", type=Path, help="model folder with guided/ and regression/")
    parser.add_argument("--split", choices=["train", "val", "test"], default="val")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    enhancer, residual = GuidedEnhancer(arguments.model), ResidualEnhancer(arguments.model)
    with (arguments.source / "labels.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["source"] == "nih_chestxray14"]
    originals = [row for row in rows if row["hr_image"] and row["split"] == arguments.split]
    values: dict[str, list[float]] = {}
    patients: dict[str, list[str]] = {}
    for row, stranger in zip(originals, originals[1:] + originals[:1], strict=True):
        own = [one for one in rows if one["patient_id"] == row["patient_id"] and one["image"] != row["image"]]
        others = {"another patient": read(arguments.source / stranger["hr_image"])}
        if own:
            others["the same patient's other film"] = read(arguments.source / own[0]["image"])
        for name, found in measure(enhancer, residual, read(arguments.source / row["hr_image"]), others).items():
            values.setdefault(name, []).append(float(np.mean(found)))
            patients.setdefault(name, []).append(row["patient_id"])
    print(f"{len(originals)} films, PSNR less that of data-consistent bicubic, dB")
    for name, found in values.items():
        low, high = mean_interval(np.array(found), patients[name], 1000, 0) or [np.nan, np.nan]
        print(f"{name:54} {np.mean(found):+.4f} [{low:+.4f}, {high:+.4f}]  {len(found)} films")


if __name__ == "__main__":
    main()
