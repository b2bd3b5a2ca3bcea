"""A warm single study: DICOM file to probabilities and attention map, with a network of the size of ViT-B/16.

    python benchmarks/single_study.py

Read, gate, fit, network, map; medians, the first thrown away. Random weights and no chest in the film (its header says
so, which makes the gate's refusal a flag): only the time matters. 2500 x 2048 pixels of 12 bits, raw and JPEG 2000.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import torch

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "bundle"), str(ROOT)]

from scripts.attention import LastLayerCLSAttention  # noqa: E402
from scripts.dicom import Radiograph, require_chest_film  # noqa: E402
from scripts.networks import ViTMultilabel  # noqa: E402
from scripts.training import AutocastInferer, resolve_precision  # noqa: E402
from scripts.transforms import FitSquared, LoadRadiographd  # noqa: E402

from benchmarks.dicom_speed import compressed_file, film  # noqa: E402
from tests.dicom.synthetic import make_dataset, save  # noqa: E402

VIT_B = {"hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12, "intermediate_size": 3072}


def study(path: Path, network: ViTMultilabel, inferer: AutocastInferer) -> Callable[[], object]:
    """What is done for one film."""
    load, fit = LoadRadiographd("image"), FitSquared("image", network.image_size)
    attention = LastLayerCLSAttention(network).__enter__()

    @torch.inference_mode()
    def run() -> object:
        source = load({"image": str(path)})
        image = source["image"]
        require_chest_film(Radiograph(image.as_tensor().numpy(), dict(image.meta)), path)
        logits = inferer(fit(source)["image"][None], network)
        return logits.sigmoid(), attention.maps

    return run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=9)
    arguments = parser.parse_args()
    network = ViTMultilabel(architecture={**VIT_B, "patch_size": 16}, num_labels=14).eval()
    stored, auto = film(), resolve_precision("auto", "cpu")
    with tempfile.TemporaryDirectory() as name:
        raw = save(make_dataset(stored), Path(name) / "raw.dcm")
        jpeg_2000 = compressed_file(stored, "90", Path(name) / "j2k.dcm")
        for title, path in (("raw", raw), ("JPEG 2000", jpeg_2000)):
            for precision in dict.fromkeys(("fp32", auto)):
                run = study(path, network, AutocastInferer(precision))
                times = []
                for _ in range(arguments.repeats + 1):
                    started = time.perf_counter()
                    run()
                    times.append(time.perf_counter() - started)
                print(f"{title:10} {precision}: {statistics.median(times[1:]):.3f} s", flush=True)


if __name__ == "__main__":
    warnings.filterwarnings("ignore")
    main()
