"""A run folder with known content, for the tests of the page: films, maps, regions and every table."""

import json
from pathlib import Path

import numpy as np
from PIL import Image
from scripts.common.page_pictures import map_file
from scripts.evaluation.comparing import compare
from scripts.evaluation.evaluate import write_evaluation
from scripts.super_resolution.region_pictures import VERSIONS

ATTACK = '<img src="http://127.0.0.1:9/x" onerror="document.title=1">'
LABELS = ["Edema", "Enlarged Cardiomediastinum of a long name", ATTACK, "$x^$"]
HISTORY = "epoch,train_loss,val_loss,val_macro_auroc,val_accuracy,val_accuracy_all_negative,lr,seconds\n" + "".join(
    f"{epoch},0.5,0.4,0.{auroc},0.9{epoch},0.9,0.001,3\n" for epoch, auroc in enumerate([5, 6, 7, 9, 8, 8, 7], 1)
)


def write_run(folder: Path, *, seeds: int = 3, retrained: bool = True) -> Path:
    """Write the results of forty patients with films of two views; the re-trained model is the better one."""
    rng = np.random.default_rng(0)
    targets = (rng.random((40, len(LABELS))) < 0.4).astype(float)
    items = [{"image": f"{i}.png", "patient_id": str(i), "sex": "FM"[i % 2], "view": "AP"} for i in range(40)]
    for arm in ("base", "retrained") if retrained else ("base",):
        for seed in range(seeds):
            out = folder / arm / f"seed_{seed}" if seeds > 1 else folder / arm
            logits = (1 + (arm == "retrained")) * targets + rng.normal(size=targets.shape)
            write_evaluation(out, LABELS, items, logits, targets, bootstrap=20, model_hash=str(out))
            record = {"settings": {"seed": seed, "folder": "a/very/long/name" * 20}, "config": {"lr": 0.1}}
            (out / "run_report.json").write_text(json.dumps(record), encoding="utf-8")
            (out / "history.csv").write_text(HISTORY, encoding="utf-8")
    if retrained:
        comparison = compare(folder / "base", folder / "retrained", folder / "comparison.json", bootstrap=50)
        _write_pictures(folder / "disagreement", len(comparison["films"]))
    _write_regions(folder / "enhanced")
    return folder


def _write_pictures(folder: Path, films: int) -> None:
    """Write films of 40 x 30 pixels and their maps."""
    folder.mkdir()
    for number in range(films):
        Image.new("L", (30, 40), 90).save(folder / f"film_{number}.jpg")
        for model in ("base", "retrained"):
            (folder / f"film_{number}_{model}.png").write_bytes(map_file(np.eye(5)))


def _write_regions(folder: Path) -> None:
    """Write four regions, and the fidelity of two enhanced images."""
    examples = folder / "examples"
    examples.mkdir(parents=True)
    for number in range(4):
        (examples / f"region_{number}_map.png").write_bytes(map_file(np.eye(5)))
        for name in ("film", *VERSIONS):
            Image.new("L", (30, 30), 90).save(examples / f"region_{number}_{name}.jpg")
    region = {"label": ATTACK, "box": [0.1, 0.2, 0.5, 0.6], "difference": 0.25}
    (examples / "regions.json").write_text(json.dumps([region] * 4), encoding="utf-8")
    references, areas = ("input", "truth", "bicubic"), ("region", "full")
    names = [f"{metric}_{one}_{area}" for metric in ("psnr", "ssim") for one in references for area in areas]
    lines = [{"image": f"{n}.png", "fidelity": dict.fromkeys(names, 30.0 + n)} for n in (0, 1)]
    (folder / "manifest.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
