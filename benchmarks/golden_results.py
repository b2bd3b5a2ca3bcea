"""Golden results: what one version of the code gives, so that a later version can be held against it.

    python benchmarks/golden_results.py before.json --keep OLD         with the earlier version
    python benchmarks/golden_results.py after.json                     with the later one
    python benchmarks/golden_results.py --compare before.json after.json
    python benchmarks/golden_results.py --continue-from OLD            with the later one

It stands here because it runs for minutes and compares two versions of the code, so it is no unit test.

Everything is reached by the command line and by the keys of the configurations, never by a module's name, so that the
script itself survives a move of modules. Hashes have to be equal; floating-point numbers have to agree to 1e-6. Times,
paths and cache keys are left out. Wording (reasons, remedies, flags) is compared, but a difference is only reported.
What names the version (UIDs, for example) is compared between equal versions only. ``--only`` and ``--skip`` choose
stages; stages that are in the file already and do not run again are kept. ``--continue-from`` loads and continues
copies of the model folders, checkpoints and output folders that the earlier version wrote to ``--keep``. Compare only
results of one machine: processors differ in the last bits.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import math
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

THREADS = 2  # sums over another number of threads differ in their last bits
os.environ |= {"OMP_NUM_THREADS": f"{THREADS}", "CUDA_VISIBLE_DEVICES": "", "HF_HUB_OFFLINE": "1"}

import numpy as np  # noqa: E402
import pydicom  # noqa: E402
import torch  # noqa: E402
import yaml  # noqa: E402
from safetensors.torch import load_file  # noqa: E402
from transformers import ViTConfig, ViTModel  # noqa: E402

ROOT = Path(__file__).resolve().parents[1]
BUNDLE = ROOT / "bundle"
SHIPPED_SR = BUNDLE / "models" / "ldm-sr-nih"
sys.path.insert(0, str(BUNDLE))

from scripts.workflow import parse_component  # noqa: E402

Settings = dict[str, Any]

TOLERANCE = 1e-6
VERSIONED, IN_WORDS = "versioned: ", "wording: "
# Names of what no run repeats, and of texts for people.
DROPPED = re.compile(r"seconds|peak_mb|^date$|^versions$|^git_commit$|^changelog$")
WORDING = re.compile(r"^(reason|remedy|flags|sentence|description)$")
PASSED_OVER = {"run_report.json", "mlflow_runs.json", "mlruns", "cache", "panel.png", "panels"}
NEW_UID = re.compile(r"1\.2\.826\.0\.1\.3680043\.8\.498\.\d+")
CREATION = (
    "InstanceCreationDate", "InstanceCreationTime", "ContentDate", "ContentTime", "DateOfSecondaryCapture",
    "TimeOfSecondaryCapture", "ContributionDateTime",
)  # fmt: skip
CLASSICAL = ("identity", "bicubic", "lanczos", "native")
LEARNT = ("residual", "ldm", "resshift", "inverse")
METHODS = ("last_cls", "rollout", "grad_attention", "grad_cam", "occlusion")
CONTINUED = ("data", "base", "tokens", "zoom", "stopped", "enhanced", "sr", "backbone", "ablation")

TINY = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64, "patch_size": 8}
TRAINING: Settings = {
    "backbone": None, "architecture": TINY, "image_size": 32, "pool": "cls_mean", "max_epochs": 4, "batch_size": 8,
    "learning_rate": 1e-3, "precision": "fp32",
}  # fmt: skip
STOP: Settings = {"train::trainer::max_epochs": 2}  # of a training whose schedule is that of TRAINING
TOKENS: Settings = {"pool": "label_tokens", "conv_branch": True, "loss_name": "asl", "sampler": "balanced"}
ZOOM: Settings = {
    "max_epochs": 1, "batch_size": 8, "precision": "fp32", "zoom_count": 2, "zoom_window": 8, "zoom_size": 16,
    "zoom_source": "sr", "zoom_enhancer": "residual",
}  # fmt: skip
EXPLANATION: Settings = {"split": "training", "limit": 6, "bootstrap": 40, "curve_steps": 3, "sanity_images": 2}
REGIONS: Settings = {"window": 8, "region_count": 2, "working_size": None, "batch_size": 4, "steps": 2}
VARIANTS: dict[str, Settings] = {
    "canvas": {
        "enhancer": "residual", "paste_mode": "hr_canvas", "selector": "quantile", "attention_method": "grad_cam",
    },
    "native": {"enhancer": "native", "selector": "random"},
    "resshift": {"enhancer": "resshift", "suppress_artifacts": True, "mask_body": True, "data_consistency": False},
    "paper": {"enhancer": "ldm", "working_size": 64, "solver": "ddim", "gain": 1.0, "data_consistency": False},
}  # fmt: skip
SR_TRAINING: Settings = {
    "stages": ["regression", "autoencoder", "diffusion", "resshift", "guided"], "crop_size": 32, "batch_size": 2,
    "guided_crop_size": 64,
    "max_steps": 2, "ceiling_margin": None, "autoencoder_width": 8, "autoencoder_blocks": 1, "codes": 32,
    "unet_channels": [16, 32], "regression_width": 8, "regression_blocks": 1, "crops_per_megapixel": 200.0,
    "precision": "fp32",
}  # fmt: skip
SR_EVALUATION: Settings = {
    "enhancers": ["bicubic", "lanczos", "residual", "ldm", "resshift"], "sizes": [128, None], "window": 16,
    "region_count": 2, "seeds": 2, "steps": 2, "bootstrap": 50,
}  # fmt: skip
ABLATION: Settings = {
    "image_size": 32, "larger_size": 64, "source_size": 64, "window": 16, "region_count": 2, "enhancer": "residual",
    "leave_out": [], "seeds": 2, "probe_folds": 2, "bootstrap": 50, "lesion_pairs": 2, "precision": "fp32",
}  # fmt: skip


class Golden:
    """The results of this version.

    Args:
        folder: where everything is written.
        shared: folder of the shared data.

    Attributes:
        results: name -> hash, text, list of texts, or number.
    """

    def __init__(self, folder: Path, shared: Path) -> None:
        self.folder, self.shared = folder.resolve(), shared.resolve()
        self.version = str(json.loads((BUNDLE / "configs" / "metadata.json").read_text())["version"])
        self.results: dict[str, Any] = {}

    def run(self, *arguments: object, may_fail: bool = False) -> subprocess.CompletedProcess[str]:
        """Run the command line.

        Raises:
            SystemExit: it failed, and may not.
        """
        command = [sys.executable, "-m", "bundle", *map(str, arguments)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        if done.returncode and not may_fail:
            raise SystemExit(f"{' '.join(command)}: ended with {done.returncode}:\n{done.stderr[-3000:]}")
        return done

    def make(self, name: str, workflow: str, **settings: object) -> Path:
        """The output folder of a workflow, which is run with these keys unless an earlier stage did."""
        return self.folder / name if (self.folder / name).exists() else self.make_again(name, workflow, **settings)

    def make_again(self, name: str, workflow: str, **settings: object) -> Path:
        """The same, run also where the folder exists: it continues what is there."""
        settings["output_dir"] = self.folder / name
        flags = [text for key, value in settings.items() for text in (f"--{key}", json.dumps(value, default=str))]
        self.run("run", workflow, "--tracking", "none", *flags)
        return self.folder / name

    def plain(self, text: str) -> str:
        """A text without places and version."""
        for place, name in ((self.folder, "<work>"), (self.shared, "<shared>"), (ROOT, "<root>")):
            text = text.replace(str(place), name)
        return re.sub(rf"(?<![\w.]){re.escape(self.version)}(?![\w.])", "<version>", text)

    def record(self, *folders: str) -> None:
        """Results in all files below folders; reports, figures for people, caches and databases are passed over."""
        for path in sorted(path for folder in folders for path in (self.folder / folder).rglob("*") if path.is_file()):
            place, kind = path.relative_to(self.folder), path.suffix
            if PASSED_OVER.intersection(place.parts):
                continue
            if kind == ".dcm":
                self.record_dicom(place.as_posix(), path)
            elif kind in (".json", ".jsonl", ".csv"):
                self.record_table(place.as_posix(), path)
            elif kind == ".pt":
                self.record_tensors(place.as_posix(), torch.load(path, map_location="cpu", weights_only=True))
            elif kind == ".safetensors":
                self.record_tensors(place.as_posix(), load_file(path))
            elif kind == ".png":
                self.results[f"{place.as_posix()} bytes"] = sha256(path.read_bytes())

    def record_dicom(self, name: str, path: Path) -> None:
        """Pixels and header, without the times of creation; the file itself where there are none."""
        dataset = pydicom.dcmread(path)
        if "PixelData" in dataset:
            self.results[f"{name} pixels"] = sha256(dataset.PixelData)
        header = "\n".join(header_lines(dataset))
        self.results[f"{name} header"] = sha256(self.plain(NEW_UID.sub("<uid>", header)).encode())
        self.results[f"{VERSIONED}{name} header"] = sha256(header.encode())
        if not any(element.keyword in CREATION for element in dataset.iterall()):
            self.results[f"{VERSIONED}{name} bytes"] = sha256(path.read_bytes())

    def record_table(self, name: str, path: Path) -> None:
        """Content without times, places and wording; of what has none of these, the bytes."""
        raw, text = path.read_bytes(), self.plain(path.read_text())
        if path.suffix == ".csv":
            rows = [row for row in csv.DictReader(text.splitlines()) if not any(map(DROPPED.search, row.values()))]
            content = [{key: number(cell) for key, cell in row.items()} for row in rows]
        else:
            content = [json.loads(line) for line in (text.splitlines() if path.suffix == ".jsonl" else [text])]
        everything, kept = (dict(leaves(without(content, *patterns))) for patterns in ((DROPPED,), (DROPPED, WORDING)))
        if kept.keys() == dict(leaves(content)).keys() and text.encode() == raw and not DROPPED.search(text):
            self.results[f"{name} bytes"] = sha256(raw)
        else:
            self.results[f"{name} content"] = sha256(json.dumps(kept).encode())
        self.results |= {f"{name}: {key}": value for key, value in kept.items() if isinstance(value, float)}
        if wording := [f"{key}: {everything[key]}" for key in everything.keys() - kept.keys()]:
            self.results[f"{IN_WORDS}{name}"] = sorted(wording)

    def record_tensors(self, name: str, tree: Any) -> None:
        """Keys with shapes and types, and the values, of a checkpoint or of weights."""
        digest, keys = hashlib.sha256(), []
        for key, value in leaves(without(tree, DROPPED)):
            is_tensor = isinstance(value, torch.Tensor)
            keys.append(f"{key}: {f'{tuple(value.shape)} {value.dtype}' if is_tensor else type(value).__name__}")
            digest.update(bytes_of(value) if is_tensor else self.plain(repr(value)).encode())
        self.results[f"{name} keys"], self.results[f"{name} values"] = keys, digest.hexdigest()

    def record_tensor(self, name: str, tensor: torch.Tensor) -> None:
        """One tensor."""
        values = tensor.detach().double()
        self.results[f"{name} values"] = f"{tuple(tensor.shape)} {sha256(bytes_of(tensor))}"
        self.results[f"{name}: mean"], self.results[f"{name}: std"] = float(values.mean()), float(values.std())


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def bytes_of(tensor: torch.Tensor) -> bytes:
    """Those of its values in their order, whatever its layout in memory."""
    return tensor.detach().contiguous().flatten().view(torch.uint8).numpy().tobytes()


def number(cell: str) -> str | float:
    """A cell of a table; a whole number stays a text."""
    try:
        return cell if cell.lstrip("-").isdigit() else float(cell)
    except ValueError:
        return cell


def without(value: Any, *patterns: re.Pattern[str]) -> Any:
    """A tree without the entries whose keys match."""
    if isinstance(value, dict):
        kept = {key: entry for key, entry in value.items() if not any(found.search(str(key)) for found in patterns)}
        return {key: without(entry, *patterns) for key, entry in kept.items()}
    return [without(entry, *patterns) for entry in value] if isinstance(value, list | tuple) else value


def leaves(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Key and value of every leaf of a tree, in the order of the keys."""
    if not isinstance(value, dict | list):
        yield name, value
        return
    pairs = enumerate(value) if isinstance(value, list) else sorted(value.items(), key=lambda pair: str(pair[0]))
    for key, entry in pairs:
        yield from leaves(entry, f"{name}.{key}" if name else str(key))


def header_lines(dataset: pydicom.Dataset, place: str = "") -> Iterator[str]:
    """Every attribute but pixels and times of creation."""
    for element in dataset:
        name = f"{place}{element.tag} {element.keyword}"
        if element.VR == "SQ":
            for index, item in enumerate(element.value):
                yield from header_lines(item, f"{name}[{index}] ")
        elif element.keyword not in (*CREATION, "PixelData"):
            value = sha256(element.value) if isinstance(element.value, bytes) else str(element.value)
            yield f"{name} {element.VR} {value}"


def component(name: str, **settings: object) -> Any:
    """A component of inference.yaml on the CPU."""
    settings = {"bundle_root": BUNDLE, "device": torch.device("cpu"), **settings}
    return parse_component(BUNDLE / "configs" / "inference.yaml", name, settings)


def weights_key(config: str) -> str:
    """The key of a configuration that holds the folder of super-resolution weights."""
    values: Settings = yaml.safe_load((BUNDLE / "configs" / config).read_text())
    return next(key for key, value in values.items() if f"/models/{SHIPPED_SR.name}" in str(value))


# --- what several stages need, made once ---


def data(golden: Golden) -> Path:
    """Synthetic films of 128 pixels."""
    if not (golden.folder / "data").exists():
        golden.run("phantoms", golden.folder / "data", "--patients", 30, "--size", 128)
    return golden.folder / "data"


def base(golden: Golden) -> Path:
    """Output folder of a tiny classifier."""
    return golden.make("base", "training", dataset_dir=data(golden), **TRAINING)


def tokens(golden: Golden) -> Path:
    """Output folder of a classifier with label tokens."""
    return golden.make("tokens", "training", dataset_dir=data(golden), **{**TRAINING, **TOKENS})


def sr_model(golden: Golden) -> Path:
    """Model folder of tiny super-resolution networks."""
    return golden.make("sr", "sr_training", dataset_dir=data(golden), **SR_TRAINING)


# --- the stages ---


def training(golden: Golden) -> None:
    """Classifiers: trained, calibrated, evaluated, explained, with crops; and one whose training stops half-way."""
    films = {"dataset_dir": data(golden)}
    base(golden), tokens(golden)
    golden.make_again("base", "calibrating", **films, novelty_images=16)
    golden.make_again("base", "evaluating", **films, bootstrap=50)
    golden.make("zoom", "zooming", **films, base_dir=base(golden), **ZOOM)
    golden.make("stopped", "training", **films, **TRAINING, **STOP)
    golden.make("explanation", "explaining", **films, model_dir=base(golden) / "model", **EXPLANATION)
    golden.record("data", "base", "tokens", "zoom", "stopped", "explanation")


def enhancing(golden: Golden) -> None:
    """Enhanced data sets, and the classifier that is re-trained on one and compared with the first."""
    shared = {"dataset_dir": data(golden), "base_dir": base(golden)}
    enhanced = golden.make("enhanced", "enhancing", **shared, **REGIONS)
    guided = {"enhancer": "guided", weights_key("enhance.yaml"): sr_model(golden)}
    for name, settings in {**VARIANTS, "guided": guided}.items():
        golden.make(f"variants/{name}", "enhancing", **shared, **{**REGIONS, "limit": 3, **settings})
    again = {"dataset_dir": enhanced, "base_dir": base(golden)}
    golden.make("compared/retrained", "retraining", **again, **TRAINING)
    golden.make_again("compared/retrained", "evaluating", **again, bootstrap=50)
    golden.record("enhanced", "variants", "compared")


def super_resolution(golden: Golden) -> None:
    """Super-resolution networks trained for two steps, and the shipped ones evaluated."""
    sr_model(golden)
    golden.make("sr_evaluation", "sr_evaluating", dataset_dir=data(golden), **SR_EVALUATION)
    golden.record("sr", "sr_evaluation")


def enhancers(golden: Golden) -> None:
    """One batch of each enhancer: with the shipped weights, and with tiny ones where a network has any."""
    for name in (*CLASSICAL, *LEARNT):
        record_enhancer(golden, f"shipped/{name}", name, SHIPPED_SR)
    for name in (*LEARNT, "guided"):
        record_enhancer(golden, f"tiny/{name}", name, sr_model(golden))


def record_enhancer(golden: Golden, title: str, name: str, folder: Path) -> None:
    """A batch of two regions of 24 x 40 pixels with borders, waves and noise."""
    rows, columns = np.mgrid[:24, :40] / 24
    noise = np.random.default_rng(0).normal(0, 0.02, (2, 1, 24, 40))
    waves = np.stack([np.tanh(4 * np.sin(9 * rows + 5 * columns)), np.sin(20 * rows * columns)])[:, None]
    low_res = torch.from_numpy(np.clip(0.5 + 0.3 * waves + noise, 0, 1)).float()
    settings = {"enhancer": name, "sr_precision": "fp32", weights_key("inference.yaml"): folder}
    enhancer = component("super_resolution", **settings)
    generators = [torch.Generator().manual_seed(seed) for seed in range(2)]
    golden.record_tensor(title, enhancer.enhance(low_res, generators=generators))
    golden.results[f"{title} weights_hash"] = enhancer.weights_hash


def attention(golden: Golden) -> None:
    """Logits and maps of each method for two films."""
    films = [golden.shared / "data/dicom/chest/siim_cr_pa_jpegbaseline_8bit.dcm", *pictures(golden, 1)]
    variants: dict[str, Settings] = {method: {"attention_method": method} for method in METHODS}
    variants["cleaned"] = {"suppress_artifacts": True, "mask_body": True}
    variants["label_tokens"] = {"attention_method": "label_tokens", "model_dir": tokens(golden) / "model"}
    for name, settings in variants.items():
        prepare = component("preprocessing", **settings)
        images = torch.stack([prepare({"image": str(film)})["image"].as_tensor() for film in films])
        output = component("attention", **settings)(images)
        golden.record_tensor(f"{name}/logits", output.logits)
        golden.record_tensor(f"{name}/maps", output.maps)


def pictures(golden: Golden, count: int) -> list[Path]:
    """The first films that are no DICOM."""
    return sorted((golden.shared / "data" / "cxr" / "nih").glob("*.jpg"))[:count]


def ablation(golden: Golden) -> None:
    """The table of arms, on a network with random weights."""
    if not (golden.folder / "backbone").exists():
        torch.manual_seed(0)
        network = ViTModel(ViTConfig(**TINY, image_size=32), add_pooling_layer=False)
        network.save_pretrained(golden.folder / "backbone")
    golden.make_again("ablation", "ablating", dataset_dir=data(golden), backbone=golden.folder / "backbone", **ABLATION)
    golden.record("ablation")


def predict(golden: Golden) -> None:
    """Predictions with DICOM objects: films together, doubtful ones alone, folders, pictures, and for programs."""
    dicom = golden.shared / "data" / "dicom"
    films = sorted(path for name in ("chest", "derived") for path in (dicom / name).iterdir())
    doubtful = [path for path in films if "minimal" in path.name] + sorted((dicom / "tags").iterdir())
    record_prediction(golden, "together", [path for path in films if path not in doubtful])
    record_prediction(golden, "pictures", pictures(golden, 2))
    for path in doubtful:
        record_prediction(golden, f"alone/{path.stem}", [path])
    for name in ("chest", "derived", "tags"):
        record_prediction(golden, f"folder/{name}", [dicom / name])
    component("predictor").predict([str(dicom / "chest")], golden.folder / "predict" / "program", dicom=True)
    golden.record("predict/program")


def record_prediction(golden: Golden, name: str, inputs: Sequence[Path], *options: object) -> None:
    """Everything that ``predict`` writes, or how it failed."""
    name = f"predict/{name}"
    done = golden.run("predict", *inputs, "--dicom", "--out", golden.folder / name, *options, may_fail=True)
    golden.results[f"{name} exit status"] = done.returncode
    if "Traceback" in done.stderr:
        golden.results[f"{name} error"] = golden.plain(done.stderr.strip().splitlines()[-1])
    golden.record(name)


def continued(golden: Golden) -> None:
    """Folders that an earlier version left, loaded and continued in a copy."""
    if absent := [name for name in CONTINUED if not (golden.folder / name).exists()]:
        raise SystemExit(f"{golden.folder}: expected {', '.join(absent)}; run the stages before with the same --keep")
    with tempfile.TemporaryDirectory() as name:
        copy = Golden(Path(name) / "copy", golden.shared)
        for part in CONTINUED:
            shutil.copytree(golden.folder / part, copy.folder / part)
        continue_training(copy)
        continue_enhancing(copy)
        for model in ("base", "tokens", "zoom"):
            films = sorted((copy.folder / "data").rglob("image.dcm"))[:4]
            record_prediction(copy, model, films, "--model", copy.folder / model / "model")
        ablation(copy)
        golden.results = copy.results


def continue_training(copy: Golden) -> None:
    """Of a classifier for its last two epochs, and of super-resolution networks for two more steps."""
    copy.make_again("stopped", "training", dataset_dir=data(copy), **TRAINING)
    for name in (*LEARNT, "guided"):
        record_enhancer(copy, f"before/{name}", name, sr_model(copy))
    for stages in (["diffusion", "resshift", "guided"], ["autoencoder"], ["regression"]):  # no part before its users
        settings = {**SR_TRAINING, "stages": stages, "max_steps": 4}
        copy.make_again("sr", "sr_training", dataset_dir=data(copy), **settings)
    copy.record("stopped", "sr")


def continue_enhancing(copy: Golden) -> None:
    """A finished data set is left as it is; of one that was interrupted after two batches, the others are enhanced."""
    settings = {"dataset_dir": data(copy), "base_dir": base(copy), **REGIONS}
    folder, done = copy.folder / "enhanced", 2 * REGIONS["batch_size"]
    finished = {path: path.stat().st_mtime_ns for path in folder.rglob("image.dcm")}
    copy.make_again("enhanced", "enhancing", **settings)
    changed = [path for path, written in finished.items() if path.stat().st_mtime_ns != written]
    copy.results["enhanced images written again"] = len(changed)
    lines = (folder / "manifest.jsonl").read_text().splitlines(keepends=True)
    for line in lines[done:]:
        (folder / json.loads(line)["output"]).unlink()
    for name in ("manifest.jsonl", "datalist.json", "failures.csv"):
        (folder / name).unlink()
    (folder / "manifest.rank0.jsonl").write_text("".join(lines[:done]))
    copy.make_again("enhanced", "enhancing", **settings)
    copy.record("enhanced")


def demo(golden: Golden) -> None:
    """The whole pipeline on synthetic studies."""
    golden.run("demo", "--out", golden.folder / "demo")
    golden.record("demo")


STAGES: dict[str, Callable[[Golden], None]] = {
    stage.__name__: stage
    for stage in (training, enhancing, super_resolution, enhancers, attention, ablation, predict, continued, demo)
}


# --- comparing ---


def difference(name: str, left: Any, right: Any) -> str:
    """One line for two results that do not agree; empty for two that do."""
    if isinstance(left, float) and isinstance(right, float):
        same = math.isclose(left, right, rel_tol=TOLERANCE, abs_tol=1e-12) or (math.isnan(left) and math.isnan(right))
        return "" if same else f"{name}: {left!r} -> {right!r}"
    if left == right:
        return ""
    if isinstance(left, list) and isinstance(right, list):
        gone, new = ([entry for entry in one if entry not in other] for one, other in ((left, right), (right, left)))
        return f"{name}: {len(gone)} gone, {len(new)} new; gone {gone[:5]}, new {new[:5]}"
    return f"{name}: {'absent' if left is None else left} -> {'absent' if right is None else right}"


def compare(before: dict[str, Any], after: dict[str, Any]) -> bool:
    """Print the differences between two files; whether there are any beside wording."""
    differ = before.keys() != after.keys()
    print("".join(f"{name}: in one of the files only\n" for name in sorted(before.keys() ^ after.keys())), end="")
    for stage in sorted(before.keys() & after.keys()):
        left, right = before[stage]["results"], after[stage]["results"]
        same_version = before[stage]["version"] == after[stage]["version"]
        names = [name for name in sorted({*left, *right}) if same_version or not name.startswith(VERSIONED)]
        lines = [line for name in names if (line := difference(name, left.get(name), right.get(name)))]
        wording = [line for line in lines if line.startswith(IN_WORDS)]
        print(f"{stage}: {len(names)} results, {len(lines) - len(wording)} differ, {len(wording)} in wording alone")
        print("".join(f"  {line}\n" for line in lines), end="")
        differ |= len(lines) > len(wording)
    return differ


def code_sha256() -> str:
    """Of all code and configurations."""
    files = sorted(path for kind in ("py", "yaml", "j2") for path in BUNDLE.rglob(f"*.{kind}"))
    return sha256("".join(f"{path.relative_to(BUNDLE)}{sha256(path.read_bytes())}" for path in files).encode())


def refuse_other_code(path: Path, found: set[str]) -> None:
    """Refuse to mix results of two states of the code.

    Raises:
        SystemExit: naming the file or folder.
    """
    if found - {code_sha256()}:
        raise SystemExit(f"{path}: expected results of this code, found those of another state of it; name a new one")


def run_stage(golden: Golden, name: str) -> dict[str, Any]:
    """Results of one stage, with its version and its time."""
    print(f"== {name}", flush=True)
    started, golden.results = time.monotonic(), {}
    STAGES[name](golden)
    seconds = round(time.monotonic() - started)
    print(f"   {seconds} s, {len(golden.results)} results", flush=True)
    return {"version": golden.version, "code": code_sha256(), "seconds": seconds, "results": golden.results}


def read(path: Path) -> dict[str, Any]:
    return dict(json.loads(path.read_text())) if path.exists() else {}


def write(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, nargs="?", help="file of the results (JSON)")
    parser.add_argument("--shared", type=Path, default=ROOT.parent / "shared", help="folder of the shared data")
    parser.add_argument("--only", nargs="+", choices=STAGES, default=list(STAGES))
    parser.add_argument("--skip", nargs="+", choices=STAGES, default=[])
    parser.add_argument("--keep", type=Path, help="folder for all that is written; default: a temporary one")
    parser.add_argument("--continue-from", type=Path, help="folder that --keep of an earlier version left")
    parser.add_argument("--compare", type=Path, nargs=2, metavar=("BEFORE", "AFTER"))
    arguments = parser.parse_args()
    torch.set_num_threads(THREADS)
    if arguments.compare:
        raise SystemExit(compare(*map(read, arguments.compare)))
    if arguments.continue_from:
        found = run_stage(Golden(arguments.continue_from, arguments.shared), "continued")
        raise SystemExit(compare(read(arguments.continue_from / "continued.json"), {"continued": found}))
    if arguments.out is None:
        parser.error("expected OUT, --compare or --continue-from")
    content = read(arguments.out)
    refuse_other_code(arguments.out, {stage["code"] for stage in content.values()})
    with tempfile.TemporaryDirectory() as temporary:
        golden = Golden(arguments.keep or Path(temporary), arguments.shared)
        golden.folder.mkdir(parents=True, exist_ok=True)
        refuse_other_code(golden.folder, set(read(golden.folder / "code.json").values()))
        write(golden.folder / "code.json", {"sha256": code_sha256()})
        for name in STAGES:
            if name in arguments.only and name not in arguments.skip:
                content[name] = run_stage(golden, name)
                write(arguments.out, content)
                if name == "continued":
                    write(golden.folder / "continued.json", {name: content[name]})


if __name__ == "__main__":
    main()
