"""Zip the bundle in the form that ``monai.bundle.load`` and the model zoo take.

    make bundle           # dist/cxr_attention_sr_v<version>.zip

Over the folder ``bundle/`` it has: every configuration also as JSON, which is all that ``monai.bundle.load`` looks for;
``models/model.pt``, the shipped classifier as the state dictionary that it loads; ``large_files.yml`` with the SHA-256
of what the model zoo keeps outside git.
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
DATE = (1980, 1, 1, 0, 0, 0)  # the same bundle gives the same bytes


def files() -> Iterator[tuple[str, bytes]]:
    """Name in the bundle and content of everything that ships, in a stable order."""
    for path in sorted(BUNDLE.rglob("*")):
        name = path.relative_to(BUNDLE)
        # The two modules at the top are the installed package's, not the bundle's.
        if path.is_file() and not set(name.parts) & set(LEFT_OUT) and str(name) not in ("__init__.py", "__main__.py"):
            yield str(name), path.read_bytes()


def renderings() -> Iterator[tuple[str, bytes]]:
    """Every YAML configuration as JSON."""
    for path in sorted((BUNDLE / "configs").glob("*.yaml")):
        content = yaml.safe_load(path.read_text())
        yield f"configs/{path.stem}.json", (json.dumps(content, indent=2) + "\n").encode()


def state_dict() -> bytes:
    """``models/model.pt``: the classifier's weights under the names of ``network_def``."""
    import torch

    sys.path.insert(0, str(BUNDLE))
    from scripts.networks import load_vit_multilabel

    buffer = BytesIO()
    torch.save(load_vit_multilabel(BUNDLE / "models" / CLASSIFIER).half().state_dict(), buffer)
    return buffer.getvalue()


def large_files(content: dict[str, bytes]) -> bytes:
    """``large_files.yml``. Addresses are empty, because the zip contains the files.

    MONAI's ``download_large_files`` then only checks the hashes; it passes all keys of a row to its download function.
    """
    rows = [
        {"path": name, "url": "", "hash_type": "sha256", "hash_val": hashlib.sha256(data).hexdigest()}
        for name, data in content.items()
        if len(data) > LARGE
    ]
    return yaml.safe_dump({"large_files": rows}, sort_keys=False).encode()


def pack(out: Path) -> Path:
    """Write the zip; its path."""
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
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=ROOT / "dist")
    path = pack(parser.parse_args().out)
    print(f"{path}: {path.stat().st_size / 1e6:.0f} MB")


if __name__ == "__main__":
    main()
