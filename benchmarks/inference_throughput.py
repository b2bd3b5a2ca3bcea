"""Batch inference of the classifier over the Hugging Face implementation in fp32, with the error of each.

    python benchmarks/inference_throughput.py --repeats 20 --threads 2
    python benchmarks/inference_throughput.py --repeats 20 --threads 2 --data FOLDER   # films, not phantoms

Rows: torch in fp32 and bf16, and, where the extra ``openvino`` is installed, OpenVINO in both: the product's own
``Classifier``, which also gives maps and features, from images in memory. The baseline is a bare ``transformers`` model
of the same weights with its linear head, in fp32, in torch's inference mode: logits only.

The passes alternate, the first of each is thrown away, medians are compared; the baseline timed against itself is the
noise. Wall time; with one thread, the processor time of this process, which other programs disturb less. Error: largest
difference of a probability from the baseline, and of an AUROC where the films have labels.
"""

from __future__ import annotations

import argparse
import importlib.util
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "bundle"))

from scripts.attention import make_attention  # noqa: E402
from scripts.inference import make_classifier  # noqa: E402
from scripts.networks import ViTMultilabel, load_vit_multilabel  # noqa: E402
from scripts.training import AutocastInferer  # noqa: E402

SHIPPED = ROOT / "bundle" / "models" / "vit-small-nih14"
VIT_B = {"hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12, "intermediate_size": 3072}
VIT_S = {"hidden_size": 384, "num_hidden_layers": 12, "num_attention_heads": 6, "intermediate_size": 1536}
Probabilities = Callable[[torch.Tensor], torch.Tensor]


def networks() -> dict[str, ViTMultilabel]:
    """The shipped network, and random ones of the usual sizes whose outputs spread as those of a trained one."""
    torch.manual_seed(0)
    found = {f"shipped ({SHIPPED.name})": load_vit_multilabel(SHIPPED)}
    for name, sizes in (("ViT-S/16, random", VIT_S), ("ViT-B/16, random", VIT_B)):
        found[name] = ViTMultilabel(architecture={**sizes, "patch_size": 16}, num_labels=14).eval()
        torch.nn.init.normal_(found[name].head.weight, std=2 / sizes["hidden_size"] ** 0.5)
    return found


def hugging_face(network: ViTMultilabel) -> Probabilities:
    """The bare implementation: the same weights in a fresh model of the library, pooling as in ``network``."""
    from transformers import AutoModel

    model = AutoModel.from_config(network.backbone.config, attn_implementation="sdpa")
    missing, unexpected = model.load_state_dict(network.backbone.state_dict(), strict=False)
    if unexpected or not all(name.startswith("pooler.") for name in missing):
        raise ValueError(f"not the library's own model: missing {missing}, unexpected {unexpected}")
    model.eval()
    patches = network.patch_grid[0] * network.patch_grid[1]

    @torch.inference_mode()
    def probabilities(images: torch.Tensor) -> torch.Tensor:
        tokens = model((images - network.mean) / network.std).last_hidden_state
        pooled = [tokens[:, 0]] + ([tokens[:, -patches:].mean(dim=1)] if network.pool == "cls_mean" else [])
        return network.head(torch.cat(pooled, dim=1)).sigmoid()

    return probabilities


def product(network: ViTMultilabel, backend: str, precision: str) -> Probabilities:
    """Our classifier."""
    attention = make_attention("last_cls", network)
    classifier = make_classifier(backend, network, attention, AutocastInferer(precision), "cpu")
    return lambda images: classifier(images).logits.sigmoid()


def films(folder: Path | None, count: int, size: int) -> tuple[torch.Tensor, np.ndarray | None]:
    """(N, 1, S, S) images and (N, C) labels of the test split of a folder with a datalist; phantoms without one."""
    from monai.transforms import Compose
    from scripts.data.datalist import load_datalist
    from scripts.data.label_selection import with_labels
    from scripts.transforms import FitSquared, LoadRadiographd

    prepare = Compose([LoadRadiographd(keys="image"), FitSquared(keys="image", size=size)])
    if folder is not None:
        labels = load_vit_multilabel(SHIPPED).labels or []
        datalist = with_labels(load_datalist(folder / "datalist.json", folder), labels, missing="blank")
        items = datalist.splits["test"][:count]
        images = [prepare({"image": item["image"]})["image"].as_tensor() for item in items]
        return torch.stack(images).float(), np.array([item["label"] for item in items])
    from scripts.phantom.phantom_studies import write_phantom_studies

    with tempfile.TemporaryDirectory() as place:
        write_phantom_studies(place, n_patients=count, size=512)
        paths = sorted(Path(place).rglob("*.dcm"))[:count]
        return torch.stack([prepare({"image": path})["image"].as_tensor() for path in paths]).float(), None


def seconds(action: Probabilities, images: torch.Tensor) -> float:
    clock = time.process_time if torch.get_num_threads() == 1 else time.perf_counter
    started = clock()
    action(images)
    return clock() - started


def medians(actions: dict[str, Probabilities], images: torch.Tensor, repeats: int) -> dict[str, float]:
    """Median seconds of a batch, of each."""
    times: dict[str, list[float]] = {name: [] for name in actions}
    for _ in range(repeats + 1):
        for name, action in actions.items():
            times[name].append(seconds(action, images))
    return {name: statistics.median(values[1:]) for name, values in times.items()}


def aurocs(probabilities: torch.Tensor, labels: np.ndarray) -> np.ndarray:
    """(C,), NaN for a label of one class."""
    from scripts.metrics.classification import metrics_report

    names = [str(number) for number in range(labels.shape[1])]
    rows = metrics_report(names, probabilities.double().numpy(), labels, np.arange(len(labels)), bootstrap=0)["labels"]
    return np.array([rows[name]["auroc"] for name in names], dtype=float)


def errors(outputs: torch.Tensor, expected: torch.Tensor, labels: np.ndarray | None) -> str:
    """Text of the differences from the baseline."""
    difference = (outputs - expected).abs()
    text = f"probability error {difference.max():.1e} (mean {difference.mean():.1e})"
    if labels is None:
        return text
    change = np.nanmax(np.abs(aurocs(outputs, labels) - aurocs(expected, labels)))
    return f"{text}, AUROC changed by at most {change:.4f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--repeats", type=int, default=10)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--films", type=int, default=64, help="images that the errors are measured on")
    parser.add_argument("--data", type=Path, help="folder with a datalist of films; default: phantoms")
    parser.add_argument("--only", default="", help="part of a network's name")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    backends = ["torch", *(["openvino"] if importlib.util.find_spec("openvino") else [])]
    for name, network in networks().items():
        if arguments.only not in name:
            continue
        images, labels = films(arguments.data, arguments.films, network.image_size)
        batch = torch.rand(arguments.batch, 1, network.image_size, network.image_size)
        reference = hugging_face(network)
        actions = {"Hugging Face fp32": reference, "the same again": reference}
        for backend in backends:
            actions |= {f"{backend} {kind}": product(network, backend, kind) for kind in ("fp32", "bf16")}
        found = medians(actions, batch, arguments.repeats)
        base = found["Hugging Face fp32"]
        expected = torch.cat([reference(part) for part in images.split(arguments.batch)])
        print(f"{name}, {network.image_size} px, batch {arguments.batch}, {arguments.threads} threads")
        for row, action in actions.items():
            speed = f"{arguments.batch / found[row]:7.2f} images/s  {base / found[row]:5.2f} x"
            outputs = torch.cat([action(part) for part in images.split(arguments.batch)])
            judged = labels if name.startswith("shipped") else None
            print(f"  {row:18} {speed}  {errors(outputs, expected, judged)}", flush=True)


if __name__ == "__main__":
    main()
