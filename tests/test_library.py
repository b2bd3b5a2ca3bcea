"""``import cxr_attention_sr``: the short names, and the examples of the how-to beside a package ``scripts``."""

import os
import re
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import numpy as np
import pytest
import torch
from scripts.library import attention_map, enhance, load_enhancer, predict
from scripts.networks import ViTMultilabel
from scripts.phantom import write_phantom_studies
from scripts.super_resolution.region_enhancer import EnhanceSettings

from .conftest import LABELS, TINY
from .dicom.objects.conformant import cr
from .dicom.synthetic import save

ROOT = Path(__file__).parents[1]
HOWTO = (ROOT / "bundle" / "docs" / "howto.md").read_text()
# PyTorch 2.8 adds a folder of its own, for code that it generates.
OUR_PATHS = (
    "instantiator = sys.modules.get('torch.distributed.nn.jit.instantiator')\n"
    "generated = getattr(instantiator, 'INSTANTIATED_TEMPLATE_DIR_PATH', None)\n"
    "assert [one for one in sys.path if one != generated] == before\n"
)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Folder that makes this tree importable as ``cxr_attention_sr``, whatever is installed."""
    folder = tmp_path_factory.mktemp("site")
    (folder / "cxr_attention_sr").symlink_to(ROOT / "bundle")
    return folder


def python(site, folder, code):
    environment = {**os.environ, "PYTHONPATH": str(site)}
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return ViTMultilabel(architecture=TINY, num_labels=2, image_size=32, labels=LABELS).eval()


@pytest.fixture
def image():
    return torch.rand(1, 60, 48, generator=torch.Generator().manual_seed(0))


def test_prediction_names_the_labels_and_repeats_exactly(network, image):
    found = predict(network, image)
    assert list(found) == LABELS and all(0 <= value <= 1 for value in found.values())
    assert predict(network, image) == found


def test_attention_map_has_the_size_of_the_image(network, image):
    whole = attention_map(network, image)
    assert whole.shape == (60, 48) and whole.dtype == np.float32 and (whole >= 0).all()
    of_label = attention_map(network, image, method="grad_attention", label=LABELS[1])
    assert of_label.shape == (60, 48)


@pytest.mark.parametrize(
    ("method", "label", "named"), [(None, LABELS[0], "last_cls"), ("grad_attention", "Mass", "'Mass'")]
)
def test_label_without_a_map_is_an_error(network, image, method, label, named):
    with pytest.raises(ValueError, match=f"^label: no map of its own; expected .*{named}.*; set method to"):
        attention_map(network, image, method=method, label=label)


def test_enhanced_image_differs_only_in_its_regions(network, image):
    settings = EnhanceSettings(count=1, window=8, working_size=24)
    enhanced = enhance(network, image, load_enhancer("bicubic"), settings=settings)
    ((row0, col0, row1, col1),) = enhanced.meta["regions"]
    changed = (enhanced.as_tensor() != image)[0].nonzero()
    assert enhanced.shape == image.shape and len(changed)
    assert (changed >= torch.tensor([row0, col0])).all() and (changed < torch.tensor([row1, col1])).all()


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        (torch.rand(60, 48), "expected a float tensor of shape"),
        (torch.rand(3, 60, 48), "expected a float tensor of shape"),
        (torch.zeros(1, 60, 48, dtype=torch.uint8), "expected a float tensor of shape"),
        (torch.full((1, 60, 48), 255.0), r"expected values in \[0, 1\], found 255"),
        (torch.full((1, 60, 48), torch.nan), r"expected values in \[0, 1\], found nan"),
    ],
)
def test_what_is_no_radiograph_is_an_error(network, wrong, named):
    for step in (predict, attention_map, lambda network, image: enhance(network, image, load_enhancer("bicubic"))):
        with pytest.raises(ValueError, match=f"^image: {named}.*use load_radiograph$"):
            step(network, wrong)


def test_import_is_light_and_every_name_has_a_docstring(site, tmp_path):
    python(
        site,
        tmp_path,
        "import sys; before = list(sys.path)\n"
        "import cxr_attention_sr as cas\n"
        "cas.metrics_report, cas.RefusedInput, cas.__version__\n"
        "heavy = {'torch', 'monai', 'diffusers', 'transformers', 'pydicom'}\n"
        "assert not heavy & set(sys.modules) and sys.path == before\n"
        "assert set(cas.__all__) == set(cas._MODULES) and set(cas.__all__) <= set(dir(cas))\n"
        "objects = [getattr(cas, name) for name in cas.__all__]\n"
        "assert all(thing.__doc__ and thing.__module__.startswith('cxr_attention_sr.scripts.') for thing in objects)\n"
        "assert not hasattr(cas, 'load_modle') and 'scripts' not in sys.modules\n" + OUR_PATHS,
    )


def test_import_and_use_leave_the_settings_of_the_program_alone(site, tmp_path):
    save(cr(), tmp_path / "film.dcm")
    python(
        site,
        tmp_path,
        "import logging, warnings, pydicom, highdicom\n"
        "from pydicom import config\n"
        "def state():\n"
        "    levels = [logging.getLogger(name).level for name in ('', 'pydicom', 'highdicom')]\n"
        "    mode = config.settings.reading_validation_mode\n"
        "    ours = [one for one in warnings.filters if one[3] and 'pydicom' in str(one[3])]\n"
        "    return logging.getLogRecordFactory(), levels, mode, ours\n"
        "before = state()\n"
        "import cxr_attention_sr as cas\n"
        "assert [getattr(cas, name) for name in cas.__all__]\n"
        "from cxr_attention_sr.scripts.dicom import objects\n"
        "assert cas.load_radiograph('film.dcm').shape == (1, 96, 64) and objects.load_source('film.dcm')\n"
        "assert state() == before, (before, state())\n",
    )


def examples():
    """Python blocks of the two sections about the library, in their order."""
    sections = re.findall(r"^## (?:Use it as a library|Use the parts in a MONAI).*?(?=^## )", HOWTO, re.M | re.S)
    return [block for section in sections for block in re.findall(r"```python\n(.*?)```", section, re.S)]


def test_examples_run_beside_a_package_called_scripts(site, tmp_path, data_dir):
    write_phantom_studies(tmp_path / "studies", n_patients=1, size=256, seed=0)
    shutil.copy(next((tmp_path / "studies").rglob("*.dcm")), tmp_path / "film.dcm")
    (tmp_path / "notes.txt").write_text("no image")
    (tmp_path / "data").symlink_to(data_dir)
    (tmp_path / "scripts").mkdir()
    (tmp_path / "scripts" / "__init__.py").write_text("mine = True\n")
    checks = (
        "assert image.shape == enhanced.shape == (1, *heat.shape) == (1, *mass.shape) and len(boxes) == 4\n"
        "assert list(probabilities) == model.labels and trained.labels == ['Left Bright', 'Right Bright']\n"
        "assert list(together) == trained.labels and study.spread.shape == (2,) and study.shown_spread.min() >= 0\n"
        "assert logits.shape == (1, 14) and refusal_code == 'NOT_IMAGE' and len(report['macro']['auroc_ci']) == 2\n"
        "assert [name for name in sys.modules if name.split('.')[0] == 'scripts'] == ['scripts'] and scripts.mine\n"
        f"{OUR_PATHS}"
        "import pickle; settings = enhance.region_enhancer.settings\n"
        "assert type(pickle.loads(pickle.dumps(settings))) is cas.EnhanceSettings\n"
    )
    blocks = "\n".join(examples()).replace("print(refusal.code", "refusal_code = refusal.code; print(refusal.code")
    shown = python(site, tmp_path, f"import sys; before = list(sys.path)\nimport scripts\n{blocks}\n{checks}")
    assert "NOT_IMAGE" in shown and "studies" in shown


def test_type_checker_of_a_user_sees_the_types(tmp_path):
    """In an environment that holds this package only, so that the checker need not read torch."""
    venv.create(tmp_path / "env", symlinks=True)
    (purelib,) = (tmp_path / "env" / "lib").glob("python*/site-packages")
    package = ["__pycache__", "models", "docs"]
    shutil.copytree(ROOT / "bundle", purelib / "cxr_attention_sr", ignore=shutil.ignore_patterns(*package))
    program = tmp_path / "program.py"
    program.write_text(
        "import cxr_attention_sr as cas\n"
        "studies = cas.load_predictor(enhance=False).predict(['films'])\n"
        "reveal_type(studies)\n"
        "reveal_type(cas.predict(cas.load_model(), cas.load_radiograph('film.dcm')))\n"
        "cas.load_model(3)\n"
        "cas.load_modle()\n"
    )
    interpreter = tmp_path / "env" / "bin" / "python"
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path / "cache")]
    command += ["--python-executable", str(interpreter), str(program)]
    found = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True).stdout.splitlines()
    expected = [
        'revealed type is "list[cxr_attention_sr.scripts.inference.study_prediction.StudyPrediction]"',
        'revealed type is "dict[str, float]"',
        'argument 1 to "load_model" has incompatible type "int"',
        'module has no attribute "load_modle"',
    ]
    assert len(found) == len(expected) + 1, found
    for line, text in zip(found, expected, strict=False):
        assert text in line.lower().replace("builtins.", "").replace(text.lower(), text), found
