"""What reading a DICOM film costs on one core: from file to the network's input, and decoding in each transfer syntax.

    python benchmarks/dicom_speed.py --repeats 15

The film is synthetic: 2500 x 2048 pixels of 12 bits, smooth shapes and noise. All that is compared alternates in one
run, in random order; medians, the first of each thrown away. Errors are against the same operation in float64: display
first, then the resize of the chain (area for MONAI's, which squashes; triangle on the padded square for ours). Decoding
is timed from the file to the samples, and set against the fastest decoder alone: imagecodecs on the frame in
memory, or one of the plugins of pydicom that are installed, on the parsed data set.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import imagecodecs
import numpy as np
import pydicom
import torch
from monai.transforms import Compose, EnsureChannelFirstd, LoadImaged, Resized, ScaleIntensityRanged
from pydicom.encaps import encapsulate, generate_frames
from pydicom.pixels import get_decoder, pixel_array
from scipy.ndimage import gaussian_filter

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "bundle"), str(ROOT)]

from scripts.dicom.decode.samples import DECODERS, decode  # noqa: E402
from scripts.dicom.header import complete_header  # noqa: E402
from scripts.dicom.read.parsing import load_dataset  # noqa: E402
from scripts.transforms.fit_square import FitSquared  # noqa: E402
from scripts.transforms.load_radiograph import LoadRadiographd  # noqa: E402

from tests.dicom.cases import encode  # noqa: E402
from tests.dicom.synthetic import make_dataset, save  # noqa: E402

HEIGHT, WIDTH, SIZE = 2500, 2048, 224
LOW, HIGH = 500, 3500  # the window, as LINEAR_EXACT
NAMES = {
    "50": "JPEG baseline, 8 bit", "51": "JPEG extended, 12 bit", "57": "JPEG lossless", "70": "JPEG lossless SV1",
    "80": "JPEG-LS", "81": "JPEG-LS near-lossless", "90": "JPEG 2000", "91": "JPEG 2000 lossy", "201": "HTJ2K",
}  # fmt: skip


def film() -> np.ndarray:
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH]
    noise = np.random.default_rng(0).normal(size=(HEIGHT, WIDTH))
    shapes = 2000 + 1500 * np.sin(columns / 300) * np.cos(rows / 400) + 400 * gaussian_filter(noise, 2)
    return np.clip(shapes + 6 * noise, 0, 4095).astype(np.uint16)


def area_weights(length: int) -> np.ndarray:
    """Share (SIZE, length) of each source pixel in each target pixel."""
    step, edges = length / SIZE, np.arange(length + 1)
    start = np.arange(SIZE)[:, None] * step
    return np.clip(np.minimum(edges[1:], start + step) - np.maximum(edges[:-1], start), 0, None) / step


def triangle_weights(length: int) -> np.ndarray:
    """Antialiased bilinear weights (SIZE, length) of an axis in the middle of the padded square."""
    side, step = max(HEIGHT, WIDTH), max(HEIGHT, WIDTH) / SIZE
    centres = (np.arange(SIZE)[:, None] + 0.5) * step
    weights = np.clip(1 - np.abs(np.arange(side) + 0.5 - centres) / step, 0, None)
    start = (side - length) // 2
    return (weights / weights.sum(1, keepdims=True))[:, start : start + length]


def medians(actions: dict[str, Callable[[], object]], repeats: int) -> dict[str, float]:
    """Milliseconds."""
    times: dict[str, list[float]] = {name: [] for name in actions}
    order, rng = list(actions), random.Random(0)
    for _ in range(repeats + 1):
        rng.shuffle(order)  # whoever runs after one that gave much memory back pays for new pages
        for name in order:
            started = time.perf_counter()
            actions[name]()
            times[name].append(time.perf_counter() - started)
    return {name: 1000 * statistics.median(values[1:]) for name, values in times.items()}


def to_input(stored: np.ndarray, folder: Path, repeats: int) -> None:
    """From a raw file to the network's input."""
    window = {"WindowCenter": (LOW + HIGH) / 2, "WindowWidth": HIGH - LOW, "VOILUTFunction": "LINEAR_EXACT"}
    item = {"image": str(save(make_dataset(stored, **window), folder / "raw.dcm"))}
    scale = ScaleIntensityRanged("image", LOW, HIGH, 0, 1, clip=True)
    itk = [LoadImaged("image"), EnsureChannelFirstd("image")]  # (1, W, H, 1)
    itk_fit = Resized("image", (SIZE, SIZE, 1), mode="area")
    pydicom_reader = [LoadImaged("image", reader="PydicomReader"), EnsureChannelFirstd("image")]  # (1, W, H)
    fit = Resized("image", (SIZE, SIZE), mode="area")
    chains = {
        "MONAI, default reader": Compose([*itk, itk_fit]),
        "MONAI, default reader, window": Compose([*itk, scale, itk_fit]),
        "MONAI, PydicomReader": Compose([*pydicom_reader, fit]),
        "MONAI, PydicomReader, window": Compose([*pydicom_reader, scale, fit]),
        "ours (window)": Compose([LoadRadiographd("image"), FitSquared("image", SIZE)]),
    }
    display = np.clip((stored - float(LOW)) / (HIGH - LOW), 0, 1)
    truths = {"MONAI": area_weights(HEIGHT) @ display @ area_weights(WIDTH).T}
    truths["ours"] = triangle_weights(HEIGHT) @ display @ triangle_weights(WIDTH).T
    actions = {name: (lambda chain=chain: chain(item)) for name, chain in chains.items()}
    found = medians(actions, repeats)
    ours = found["ours (window)"]
    print(f"raw file to {SIZE} pixels            ms    times ours   largest error")
    for name, chain in chains.items():
        image = chain(item)["image"].numpy().reshape(SIZE, SIZE)
        is_ours = name.startswith("ours")
        error = np.abs((image if is_ours else image.T) - truths["ours" if is_ours else "MONAI"]).max()
        print(f"  {name:32} {found[name]:6.1f} {found[name] / ours:8.2f} {error:16.1e}")


def compressed_file(stored: np.ndarray, syntax: str, path: Path) -> Path:
    eight = {"BitsAllocated": 8, "BitsStored": 8, "HighBit": 7} if syntax == "50" else {}
    pixels = (stored >> 4).astype(np.uint8) if syntax == "50" else stored
    dataset = make_dataset(pixels, **eight)
    if syntax == "5":
        dataset.compress("1.2.840.10008.1.2.5")
    else:
        dataset.file_meta.TransferSyntaxUID = f"1.2.840.10008.1.2.4.{syntax}"
        dataset.add_new("PixelData", "OB", encapsulate([encode(syntax, pixels)]))
    return save(dataset, path)


def from_file(path: Path) -> np.ndarray:
    dataset = load_dataset(path)
    complete_header(dataset)
    return decode(dataset)


def decoding(stored: np.ndarray, folder: Path, repeats: int) -> None:
    """Each transfer syntax: ours from the file, against the fastest decoder alone."""
    print("file to samples                     ms   fastest decoder alone      ms   ratio")
    for syntax, name in {"5": "RLE", **NAMES}.items():
        path = compressed_file(stored, syntax, folder / "x.dcm")
        dataset = pydicom.dcmread(path)
        uid = dataset.file_meta.TransferSyntaxUID
        frame = next(generate_frames(dataset.PixelData, number_of_frames=1))
        actions: dict[str, Callable[[], object]] = {"ours": lambda path=path: from_file(path)}
        if syntax == "5":
            actions["imagecodecs"] = lambda frame=frame: imagecodecs.dicomrle_decode(frame, "<u2")
        else:
            function = getattr(imagecodecs, DECODERS[uid].function)
            actions["imagecodecs"] = lambda frame=frame, function=function: function(frame)
        for plugin in get_decoder(uid).available_plugins:
            action = lambda dataset=dataset, plugin=plugin: pixel_array(dataset, decoding_plugin=plugin)  # noqa: E731
            with contextlib.suppress(RuntimeError):  # Pillow is offered for 12-bit JPEG and cannot decode it
                action()
                actions[plugin] = action
        found = medians(actions, repeats)
        ours = found.pop("ours")
        fastest = min(found, key=lambda name: found[name])
        print(f"  {name:28} {ours:8.1f}   {fastest:22} {found[fastest]:6.1f} {ours / found[fastest]:7.2f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=15)
    arguments = parser.parse_args()
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    torch.set_num_threads(1)
    stored = film()
    with tempfile.TemporaryDirectory() as name:
        to_input(stored, Path(name), arguments.repeats)
        decoding(stored, Path(name), arguments.repeats)


if __name__ == "__main__":
    warnings.filterwarnings("ignore")
    main()
