"""Configurations: size, agreement with one another and with MONAI's schema and properties."""

import configparser
import json
import re
from pathlib import Path

import pytest
import yaml
from scripts.workflow import CONFIG_DIR

ROOT = CONFIG_DIR.parents[1]
CONFIGS = sorted(CONFIG_DIR.glob("*.yaml"))


def read(name):
    return yaml.safe_load((CONFIG_DIR / name).read_text())


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.name)
def test_a_config_explains_itself_and_its_settings_fit_on_a_screen(path):
    text = path.read_text()
    head_and_settings = text.split("\n\n")[:2]
    assert sum(len(part.splitlines()) for part in head_and_settings) <= 60
    assert (text.startswith("#") and "python -m" in text.split("\n\n")[0]) or path.stem in {"multi_gpu"}


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.name)
def test_no_line_of_a_config_is_longer_than_120_characters(path):
    too_long = [line for line in path.read_text().splitlines() if len(line) > 120]
    assert not too_long


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.name)
def test_our_code_enters_only_as_target(path):
    text = path.read_text()
    assert not re.search(r"\$(import|from) scripts", text) and "%file" not in text
    assert "scripts" not in str(yaml.safe_load(text).get("initialize", ""))


def test_metadata_describe_the_classifier_that_ships():
    shipped = json.loads((CONFIG_DIR.parent / "models" / "vit-small-nih14" / "metadata.json").read_text())
    bundle = json.loads((CONFIG_DIR / "metadata.json").read_text())
    assert shipped["network_data_format"] == bundle["network_data_format"]


def test_one_version_everywhere():
    metadata = json.loads((CONFIG_DIR / "metadata.json").read_text())
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    changelog = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert metadata["version"] == setup["metadata"]["version"] == changelog[1]
    assert metadata["version"] in metadata["changelog"]
    for name in ("CITATION.cff", "integrations/monai_deploy/app/app.yaml"):
        assert re.search(rf"^ *version: {re.escape(metadata['version'])}$", (ROOT / name).read_text(), re.MULTILINE), (
            name
        )
    wheels = re.findall(r"cxr_attention_sr-([^-]+)-py3", (ROOT / "README.md").read_text())
    assert set(wheels) == {metadata["version"]}


def test_every_package_of_the_code_is_installed():
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    listed = set(setup["options"]["packages"].split())
    folders = [path.parent.relative_to(ROOT / "bundle") for path in (ROOT / "bundle").rglob("__init__.py")]
    assert listed == {".".join(["cxr_attention_sr", *folder.parts]) for folder in folders}


def test_tested_versions_satisfy_the_ranges():
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    pinned = dict(line.lower().split("==") for line in (ROOT / "constraints.txt").read_text().split())
    for requirement in setup["options"]["install_requires"].split():
        name, lower = requirement.lower().split(">=")
        assert [int(n) for n in pinned[name].split(".")[:2]] >= [int(n) for n in lower.split(".")[:2]], requirement


def test_documents_name_no_path_of_one_machine():
    for path in [ROOT / "README.md", *Path(ROOT / "bundle" / "docs").glob("*.md")]:
        assert not re.search(r"/(home|root|work|Users)/", path.read_text()), path
