"""The zip loads in an empty folder, with the public packages alone."""

import importlib.util
import json
import os
import subprocess
import sys
import zipfile

import pytest
import yaml

from .conftest import ROOT

PROGRAM = """
import monai, torch
network = monai.bundle.load("cxr_attention_sr", bundle_dir="..", workflow_type="inference", device="cpu")
torch.manual_seed(0)
print(network(torch.rand(1, 1, network.image_size, network.image_size)).double().tolist())
"""


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory):
    spec = importlib.util.spec_from_file_location("pack", ROOT / "integrations" / "model_zoo" / "pack.py")
    pack = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(pack)
    folder = tmp_path_factory.mktemp("zoo")
    with zipfile.ZipFile(pack.pack(folder / "dist")) as archive:
        archive.extractall(folder)
    return folder / pack.NAME


def test_it_loads_and_computes_what_the_bundle_computes(unpacked):
    import torch
    from scripts.networks import load_vit_multilabel

    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    program = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=unpacked, env=environment, capture_output=True, text=True, timeout=300
    )
    assert program.returncode == 0, program.stderr[-2000:]
    network = load_vit_multilabel(unpacked / "models" / "vit-small-nih14")
    torch.manual_seed(0)
    image = torch.rand(1, 1, network.image_size, network.image_size)
    with torch.inference_mode():
        expected = network.eval()(image).double()
    assert torch.allclose(torch.tensor(json.loads(program.stdout.splitlines()[-1])).double(), expected, atol=1e-3)


def test_configurations_are_there_as_json_too(unpacked):
    for path in (unpacked / "configs").glob("*.yaml"):
        assert json.loads(path.with_suffix(".json").read_text()) == yaml.safe_load(path.read_text())


def test_large_files_are_listed_and_nothing_of_a_run_is_inside(unpacked):
    rows = yaml.safe_load((unpacked / "large_files.yml").read_text())["large_files"]
    assert {row["path"] for row in rows} == {
        str(path.relative_to(unpacked))
        for path in unpacked.rglob("*")
        if path.stat().st_size > 10_000_000 and path.is_file()
    }
    assert not [path for path in unpacked.rglob("*") if path.name in ("__pycache__", "outputs", "mlruns.db")]


def test_the_tool_for_large_files_checks_those_of_the_zip(unpacked, monkeypatch):
    from monai.bundle import download_large_files

    download_large_files(bundle_path=str(unpacked))
    monkeypatch.chdir(unpacked)
    path = unpacked / yaml.safe_load((unpacked / "large_files.yml").read_text())["large_files"][0]["path"]
    content = path.read_bytes()
    try:
        path.write_bytes(content[:-1])
        with pytest.raises(Exception, match="hash check"):
            download_large_files()
    finally:
        path.write_bytes(content)


def test_the_checks_of_the_model_zoo_pass(unpacked, tmp_path):
    """The steps of the zoo's ``verify_bundle``, which reads the JSON form, but for TorchScript: see the how-to."""
    from monai.bundle import verify_metadata, verify_net_in_out

    from ..test_bundle import SCHEMA

    metadata = json.loads((unpacked / "configs" / "metadata.json").read_text())
    assert metadata["version"] in metadata["changelog"]
    (tmp_path / "schema.json").write_text(json.dumps(SCHEMA))
    meta_file = str(unpacked / "configs" / "metadata.json")
    verify_metadata(meta_file=meta_file, filepath=str(tmp_path / "schema.json"))
    config_file = str(unpacked / "configs" / "inference.json")
    verify_net_in_out(net_id="network_def", meta_file=meta_file, config_file=config_file, bundle_root=str(unpacked))
