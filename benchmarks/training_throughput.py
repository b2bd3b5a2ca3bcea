"""Epoch of the training workflow over the epoch of a bare PyTorch loop, at equal precision.

    python benchmarks/training_throughput.py --precision bf16

The workflow has everything in it: augmentation, masked loss, layer-wise rates, averaged weights, guards, the MONAI
engine. The bare loop has the Hugging Face backbone, a linear layer, fused AdamW, and images that lie ready in memory.
After each epoch of the workflow the bare loop runs one; medians, without the first of each.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from ignite.engine import Engine, Events
from PIL import Image

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "bundle"))

from scripts.workflow import BUNDLE_ROOT, CONFIG_DIR  # noqa: E402

VIT_S = {"hidden_size": 384, "num_hidden_layers": 12, "num_attention_heads": 6, "intermediate_size": 1536}
LABELS = [f"Finding {number}" for number in range(14)]
SIZE = 224


def write_data(folder: Path, count: int) -> None:
    """Noise with labels: only the time matters."""
    rng = np.random.default_rng(0)
    datalist: dict = {"labels": LABELS}
    for split, number in (("training", count), ("validation", 4)):
        datalist[split] = []
        for index in range(number):
            name = f"{split}{index:04}.png"
            Image.fromarray(rng.integers(0, 256, (SIZE, SIZE), dtype=np.uint8)).save(folder / name)
            label = rng.integers(0, 2, len(LABELS)).tolist()
            datalist[split].append({"image": name, "label": label, "patient_id": name})
    (folder / "datalist.json").write_text(json.dumps(datalist))


def bare_epoch(count: int, batch: int, precision: str) -> Callable[[], None]:
    """One epoch of the bare loop."""
    from transformers import AutoConfig, AutoModel

    config = AutoConfig.for_model("vit", **VIT_S, patch_size=16)
    backbone = AutoModel.from_config(config, attn_implementation="sdpa", add_pooling_layer=False)
    head = torch.nn.Linear(VIT_S["hidden_size"], len(LABELS))
    optimizer = torch.optim.AdamW([*backbone.parameters(), *head.parameters()], lr=1e-4, fused=True)
    images, targets = torch.rand(count, 3, SIZE, SIZE), torch.randint(0, 2, (count, len(LABELS))).float()
    loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(images, targets), batch, shuffle=True)

    def run() -> None:
        for pixels, target in loader:
            optimizer.zero_grad(set_to_none=True)
            with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
                logits = head(backbone(pixels).last_hidden_state[:, 0])
            F.binary_cross_entropy_with_logits(logits.float(), target).backward()
            optimizer.step()

    return run


def measure(folder: Path, arguments: argparse.Namespace) -> dict[str, list[float]]:
    """Seconds of each epoch, of both."""
    from monai.bundle import ConfigWorkflow

    write_data(folder, arguments.images)
    job = ConfigWorkflow(
        str(CONFIG_DIR / "train.yaml"),
        bundle_root=str(BUNDLE_ROOT),
        dataset_dir=str(folder),
        output_dir=str(folder / "out"),
        backbone="$None",
        architecture={**VIT_S, "patch_size": 16},
        image_size=SIZE,
        batch_size=arguments.batch,
        max_epochs=arguments.epochs,
        patience=arguments.epochs,
        precision=arguments.precision,
        tracking_uri="none",
    )
    job.initialize()
    bare = bare_epoch(arguments.images, arguments.batch, arguments.precision)
    times: dict[str, list[float]] = {"workflow": [], "bare": []}

    def start(engine: Engine) -> None:
        engine.state.started = time.perf_counter()

    def stop(engine: Engine) -> None:
        times["workflow"].append(time.perf_counter() - engine.state.started)
        started = time.perf_counter()
        bare()
        times["bare"].append(time.perf_counter() - started)

    trainer = job.parser.get_parsed_content("train::trainer")
    trainer.add_event_handler(Events.EPOCH_STARTED, start)
    trainer.add_event_handler(Events.ITERATION_COMPLETED(every=arguments.images // arguments.batch), stop)
    job.run()
    return times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--images", type=int, default=64)
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--precision", choices=("fp32", "bf16"), default="fp32")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        times = measure(Path(folder), arguments)
    speed = {name: arguments.images / statistics.median(seconds[1:]) for name, seconds in times.items()}
    print(
        f"ViT-S/16, {SIZE} px, batch {arguments.batch}, {arguments.precision}: "
        f"workflow {speed['workflow']:.2f} images/s, "
        f"bare loop {speed['bare']:.2f} images/s, ratio {speed['workflow'] / speed['bare']:.3f}"
    )


if __name__ == "__main__":
    main()
