"""The linter refuses what once let a stranger's file or request run code, or sent studies elsewhere."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CALLS = {
    "torch.load": "import torch\n\nstate = torch.load('model.pt')\n",
    "pickle": "import pickle\n\nstate = pickle.loads(b'')\n",
    "yaml.load": "import yaml\n\nsettings = yaml.load('a: 1', yaml.Loader)\n",
    "eval": "found = eval('1')\n",
    "requests": "import requests\n\nanswer = requests.get('http://pacs')\n",
    "httpx": "from httpx import Client\n\nclient = Client(follow_redirects=True)\n",
    "urlopen": "from urllib.request import urlopen\n\nanswer = urlopen('http://pacs')\n",
    "parser": "from monai.bundle import ConfigParser\n\nparser = ConfigParser({})\n",
    "expression": "from ..overrides import Expression\n\nmodel = Expression('$model')\n",
    "shell": "import subprocess\n\nsubprocess.run('ls', shell=True)\n",
}


def lint(source, name):
    command = [
        sys.executable,
        "-m",
        "ruff",
        "check",
        "--quiet",
        "--output-format",
        "concise",
        "--ignore",
        "D",
        "--stdin-filename",
        name,
        "-",
    ]
    return subprocess.run(command, input=source, capture_output=True, text=True, cwd=ROOT)


@pytest.mark.parametrize("source", CALLS.values(), ids=CALLS)
def test_a_dangerous_call_does_not_pass(source):
    found = lint(source, "bundle/scripts/inference/new.py")
    assert found.returncode == 1 and (": TID251" in found.stdout or ": S" in found.stdout)


def test_the_integrations_are_checked_as_well():
    source = "from scripts.overrides import Expression\n\nmodel = Expression('$model')\n"
    assert "TID251" in lint(source, "integrations/monai_label/app/new.py").stdout


def test_an_innocent_file_passes():
    assert lint("import json\n\nfound = json.loads('1')\n", "bundle/scripts/inference/new.py").returncode == 0
