"""Workflows of the bundle by name, and the settings of each with default and meaning, from the configurations.

The block "what to change first" of a configuration is the only place that says what a setting means. ``run WORKFLOW
--help``, the completion in a shell and ``docs/reference.md`` are made from it.
"""

from __future__ import annotations

import re
import shutil
import textwrap
from pathlib import Path
from typing import NamedTuple

from .common.choices import check_choice

BUNDLE_ROOT = Path(__file__).resolve().parents[1]
CONFIG_DIR = BUNDLE_ROOT / "configs"
SHIPPED_MODEL = BUNDLE_ROOT / "models" / "vit-small-nih14"
WORKFLOWS: dict[str, tuple[str, ...]] = {
    "training": ("train.yaml",),
    "enhancing": ("enhance.yaml",),
    "retraining": ("train.yaml", "retrain.yaml"),
    "zooming": ("train.yaml", "zoom.yaml"),
    "calibrating": ("train.yaml", "calibrate.yaml"),
    "evaluating": ("train.yaml", "evaluate.yaml"),
    "explaining": ("explain.yaml",),
    "inferring": ("inference.yaml",),
    "sr_training": ("train_sr.yaml",),
    "sr_evaluating": ("sr_evaluation.yaml",),
    "ablating": ("ablation.yaml",),
}
TRAININGS = ("training", "retraining", "zooming")  # workflows that write the same files
SEEDED = (*TRAININGS, "calibrating", "evaluating")  # workflows that can run once per seed
_FORMER_NAMES = {"calibration": "calibrating", "sr_evaluation": "sr_evaluating", "ablation": "ablating"}

_BLOCK = re.compile(r"^# --- what to change first.*?\n(.*?)\n\n", flags=re.DOTALL | re.MULTILINE)
_SETTING = re.compile(r"^(?P<key>[a-z_]+): (?P<default>.*?\S)(?:\s{2,}# (?P<meaning>.+))?$")


class Setting(NamedTuple):
    """Setting of a workflow.

    Attributes:
        key: name, as after ``run WORKFLOW --``.
        default: value as it stands in the configuration.
        meaning: comment behind the setting, or above it where the line would be too long.
    """

    key: str
    default: str
    meaning: str


def workflow_name(name: str) -> str:
    """Name of a workflow in ``WORKFLOWS``.

    Args:
        name: the name, also with dashes for underscores, or a former name (``calibration``, ``sr_evaluation``,
            ``ablation``).

    Raises:
        ValueError: there is no such workflow; the message suggests the nearest name.
    """
    written = name.replace("-", "_")
    current = _FORMER_NAMES.get(written, written)
    check_choice("workflow", current, WORKFLOWS)
    return current


def overlay_names(workflow: str) -> list[str]:
    """Names of the configurations that can be merged over those of a workflow; the experiments are for ablating only.

    Args:
        workflow: a name that :func:`workflow_name` returns.
    """
    # Files of other workflows are no overlays: the network of zoom.yaml over evaluate.yaml would be an untrained one.
    taken = {name for files in WORKFLOWS.values() for name in files}
    names = sorted(path.stem for path in CONFIG_DIR.glob("*.yaml") if path.name not in taken)
    return [name for name in names if workflow == "ablating" or not name.startswith("experiment_")]


def file_settings(path: Path) -> list[Setting]:
    """Settings that a configuration puts first, for its user to change.

    Args:
        path: configuration file. The meaning is empty where it has no comment.
    """
    block = _BLOCK.search(path.read_text(encoding="utf-8"))
    found, above = [], []
    for line in block[1].splitlines() if block else []:
        if line.startswith("# "):
            above.append(line[2:])
            continue
        setting = _SETTING.match(line)
        assert setting, f"{path}: {line}"
        found.append(Setting(setting["key"], setting["default"], setting["meaning"] or " ".join(above)))
        above = []
    return found


def workflow_settings(workflow: str) -> list[Setting]:
    """Settings of a workflow: those of its own file, and then those of the file that it is an overlay on.

    Args:
        workflow: name of the workflow, as for :func:`workflow_name`.

    Raises:
        ValueError: there is no such workflow.
    """
    found: dict[str, Setting] = {}
    for name in reversed(WORKFLOWS[workflow_name(workflow)]):
        for setting in file_settings(CONFIG_DIR / name):
            found.setdefault(setting.key, setting)
    return list(found.values())


def settings_help(workflow: str) -> str:
    """Text of ``run WORKFLOW --help``, as wide as the terminal.

    Raises:
        ValueError: there is no such workflow.
    """
    workflow = workflow_name(workflow)
    width = min(120, max(60, shutil.get_terminal_size().columns))
    lines = [f"Settings of the workflow {workflow}, with their defaults:", ""]
    for key, default, meaning in workflow_settings(workflow):
        lines.append(f"  --{key} {default}")
        indent = " " * 6
        lines += textwrap.wrap(meaning, width, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False)
    files = " and ".join(f"configs/{name}" for name in WORKFLOWS[workflow])
    closing = (
        "Dashes and underscores are the same in a name (--output-dir). --out stands for --output_dir, and --model for "
        f"--model_dir. Every other key of {files} can be set as well, such as --device cpu; the parts of a nested key "
        "are joined by ::. A value that begins with $ is an expression, and @ refers to another key."
    )
    if workflow in TRAININGS:
        closing += " --seeds 3 trains one network for each of three seeds, in the folders seed_0, seed_1 and seed_2."
        if workflow == "training":
            closing += (
                " --folds 3 trains three networks, each without a third of the training patients, in fold_0, fold_1 "
                "and fold_2; --fold 1 beside it trains only the second."
            )
    elif workflow in SEEDED:
        closing += (
            " Where the output folder has trainings with several seeds, each is taken; several folds are taken as one "
            "model. --model may be repeated: the models then predict as one."
        )
    return "\n".join([*lines, "", *textwrap.wrap(closing, width)])
