"""Packs the bundle as a zip for ``monai.bundle.load`` and the model zoo.

    make bundle           # dist/cxr_attention_sr_v<version>.zip

In addition to the folder ``bundle/``, the zip contains every configuration as JSON, the only format that
``monai.bundle.load`` reads; ``models/model.pt``, the shipped classifier as a state dictionary; and ``large_files.yml``
with the SHA-256 of the files that the model zoo keeps outside git.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import zipfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
BUNDLE = ROOT / "bundle"
NAME = "cxr_attention_sr"
CLASSIFIER = "vit-small-nih14"
LARGE = 10_000_000  # bytes
LEFT_OUT = ("__pycache__", "outputs", "mlruns", "mlruns.db")
PACKAGE = ("__init__.py", "__main__.py", "py.typed")  # of the installed package, not of the bundle
DATE = (1980, 1, 1, 0, 0, 0)  # fixed, so that the same bundle gives the same bytes


def files() -> Iterator[tuple[str, bytes]]:
    """Yield (name in the bundle, content) of each file, in a stable order."""
    for path in sorted(BUNDLE.rglob("*")):
        name = path.relative_to(BUNDLE)
        if path.is_file() and not set(name.parts) & set(LEFT_OUT) and str(name) not in PACKAGE:
            yield str(name), path.read_bytes()


def renderings() -> Iterator[tuple[str, bytes]]:
    """Yield (name, content) of each YAML configuration as JSON."""
    for path in sorted((BUNDLE / "configs").glob("*.yaml")):
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        yield f"configs/{path.stem}.json", (json.dumps(content, indent=2) + "\n").encode()


def state_dict() -> bytes:
    """Return ``models/model.pt``, the weights of the classifier under the names of ``network_def``."""
    import torch

    sys.path.insert(0, str(BUNDLE))
    from scripts.networks import load_vit_multilabel

    buffer = BytesIO()
    torch.save(load_vit_multilabel(BUNDLE / "models" / CLASSIFIER).half().state_dict(), buffer)
    return buffer.getvalue()


def large_files(content: dict[str, bytes]) -> bytes:
    """Return ``large_files.yml``. URLs are empty, because the zip contains the files.

    MONAI's ``download_large_files`` then only checks the hashes. It passes all keys of a row to its download function.
    """
    rows = [
        {"path": name, "url": "", "hash_type": "sha256", "hash_val": hashlib.sha256(data).hexdigest()}
        for name, data in content.items()
        if len(data) > LARGE
    ]
    return yaml.safe_dump({"large_files": rows}, sort_keys=False).encode()


def pack(out: Path) -> Path:
    """Write the zip into a folder and return its path."""
    content = {**dict(files()), **dict(renderings()), "models/model.pt": state_dict()}
    content["large_files.yml"] = large_files(content)
    version = json.loads(content["configs/metadata.json"])["version"]
    out.mkdir(parents=True, exist_ok=True)
    path = out / f"{NAME}_v{version}.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in sorted(content.items()):
            archive.writestr(zipfile.ZipInfo(f"{NAME}/{name}", DATE), data, zipfile.ZIP_DEFLATED)
    return path


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=ROOT / "dist")
    path = pack(parser.parse_args().out)
    print(f"{path}: {path.stat().st_size / 1e6:.0f} MB")


if __name__ == "__main__":
    main()
