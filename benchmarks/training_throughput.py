"""Epoch of the training workflow over the epoch of a bare PyTorch loop, at equal precision; and bf16 over fp32.

    python benchmarks/training_throughput.py --epochs 6
    python benchmarks/training_throughput.py --epochs 6 --data FOLDER --backbone FOLDER   # a metric with a meaning

The workflow has everything in it: augmentation, masked loss, layer-wise rates, averaged weights, guards, the MONAI
engine. The bare loop has the Hugging Face backbone, a linear layer, fused AdamW, and images that lie ready in memory.
After each epoch of the workflow the bare loop runs one; medians, without the first of each. Wall time; with one thread,
the processor time of this process, which other programs disturb less.

Beside each speed stands what was trained: loss and macro-AUROC of the averaged weights on the validation split after
the last epoch. Both precisions start from the same weights and see the same images. Without ``--data`` the images are
noise in which each finding brightens its own place: an example that can be learned, not radiographs.
"""

from __future__ import annotations

import argparse
import csv
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

SIZES = {
    "S": {"hidden_size": 384, "num_hidden_layers": 12, "num_attention_heads": 6, "intermediate_size": 1536},
    "B": {"hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12, "intermediate_size": 3072},
}
LABELS = [f"Finding {number}" for number in range(14)]
SIZE, CELL = 224, 56  # pixels; a finding has a cell of a 4 x 4 grid


def now() -> float:
    return time.process_time() if torch.get_num_threads() == 1 else time.perf_counter()


def write_data(folder: Path, count: int) -> None:
    """Noise whose findings can be seen."""
    rng = np.random.default_rng(0)
    datalist: dict = {"labels": LABELS}
    for split, number in (("training", count), ("validation", 16)):
        datalist[split] = []
        for index in range(number):
            name, label = f"{split}{index:04}.png", rng.integers(0, 2, len(LABELS)).tolist()
            grid = np.pad(label, (0, 2)).reshape(4, 4).repeat(CELL, 0).repeat(CELL, 1)
            Image.fromarray((rng.integers(0, 156, (SIZE, SIZE)) + 100 * grid).astype(np.uint8)).save(folder / name)
            datalist[split].append({"image": name, "label": label, "patient_id": name})
    (folder / "datalist.json").write_text(json.dumps(datalist))


def first_images(data: Path, count: int, folder: Path) -> None:
    """Datalist of the first training images and the whole validation split of a data set."""
    datalist = json.loads((data / "datalist.json").read_text())
    datalist = {key: datalist[key] for key in ("labels", "training", "validation")}
    if len(datalist["training"]) < count:
        raise ValueError(f"{data}: expected {count} training images, found {len(datalist['training'])}; lower --images")
    datalist["training"] = datalist["training"][:count]
    for item in (*datalist["training"], *datalist["validation"]):
        item["image"] = str((data / item["image"]).resolve())
    (folder / "datalist.json").write_text(json.dumps(datalist))


def bare_epoch(sizes: dict[str, int], count: int, batch: int, precision: str) -> Callable[[], None]:
    """One epoch of the bare loop."""
    from transformers import AutoConfig, AutoModel

    config = AutoConfig.for_model("vit", **sizes, patch_size=16)
    backbone = AutoModel.from_config(config, attn_implementation="sdpa", add_pooling_layer=False)
    head = torch.nn.Linear(sizes["hidden_size"], len(LABELS))
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


def measure(
    folder: Path, arguments: argparse.Namespace, precision: str
) -> tuple[dict[str, list[float]], dict[str, str]]:
    """Seconds of each epoch, of both loops, and the last row of the history."""
    from monai.bundle import ConfigWorkflow

    output_dir, sizes = folder / precision, SIZES[arguments.vit]
    start = {"backbone": "$None", "architecture": {**sizes, "patch_size": 16}}
    if arguments.backbone:
        start = {"backbone": str(arguments.backbone)}
    job = ConfigWorkflow(
        str(CONFIG_DIR / "train.yaml"),
        bundle_root=str(BUNDLE_ROOT),
        dataset_dir=str(folder),
        output_dir=str(output_dir),
        cache_dir=str(folder / "cache"),
        **start,
        image_size=SIZE,
        batch_size=arguments.batch,
        max_epochs=arguments.epochs,
        patience=arguments.epochs,
        precision=precision,
        tracking_uri="none",
    )
    job.initialize()
    bare = bare_epoch(sizes, arguments.images, arguments.batch, precision)
    times: dict[str, list[float]] = {"workflow": [], "bare": []}

    def begin(engine: Engine) -> None:
        engine.state.started = now()

    def end(engine: Engine) -> None:
        times["workflow"].append(now() - engine.state.started)
        started = now()
        bare()
        times["bare"].append(now() - started)

    trainer = job.parser.get_parsed_content("train::trainer")
    trainer.add_event_handler(Events.EPOCH_STARTED, begin)
    trainer.add_event_handler(Events.ITERATION_COMPLETED(every=arguments.images // arguments.batch), end)
    job.run()
    with (output_dir / "history.csv").open() as file:
        return times, list(csv.DictReader(file))[-1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--images", type=int, default=64)
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--precision", nargs="+", choices=("fp32", "bf16"), default=("fp32", "bf16"))
    parser.add_argument(
        "--vit", choices=SIZES, default="S", help="size of the bare loop, and of the network from scratch"
    )
    parser.add_argument("--data", type=Path, help="folder with a datalist; default: noise with findings")
    parser.add_argument("--backbone", type=Path, help="Hugging Face folder to start from; default: random weights")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    speeds = {}
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        if arguments.data:
            first_images(arguments.data, arguments.images, folder)
        else:
            write_data(folder, arguments.images)
        for precision in arguments.precision:
            times, last = measure(folder, arguments, precision)
            speed = {name: arguments.images / statistics.median(seconds[1:]) for name, seconds in times.items()}
            speeds[precision] = speed["workflow"]
            print(
                f"{SIZE} px, batch {arguments.batch}, {arguments.threads} threads, {precision}: "
                f"workflow {speed['workflow']:.2f} images/s, "
                f"bare loop of a ViT-{arguments.vit}/16 {speed['bare']:.2f} images/s, "
                f"ratio {speed['workflow'] / speed['bare']:.3f}; after {last['epoch']} epochs validation loss "
                f"{float(last['val_loss']):.4f}, macro-AUROC {float(last['val_macro_auroc']):.4f}",
                flush=True,
            )
    if set(speeds) == {"fp32", "bf16"}:
        print(f"bf16 over fp32: {speeds['bf16'] / speeds['fp32']:.2f} x, workflow over workflow")


if __name__ == "__main__":
    main()
