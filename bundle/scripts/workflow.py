"""Runs a workflow of the bundle by its name, from any folder.

``python -m bundle run training`` is equivalent to ``python -m monai.bundle run training --config_file
configs/train.yaml``, but needs no file names (MONAI 1.6.1 has no default for them), and rejects a mistyped override,
which MONAI ignores.
"""

from __future__ import annotations

import atexit
import json
import logging
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from types import TracebackType
from typing import Any

import yaml

from .common.atomic import explained_full_disk
from .common.choices import check_choice
from .common.locking import OutputLock
from .common.printable import quoted
from .common.program_start import start_program
from .common.setting_checks import check_settings
from .error_line import error_line, root_cause
from .overrides import Expression, as_data, check_former_names, check_keys, plain_if_text
from .plain_components import NeedsMonaiError, PlainComponents
from .tracking import config_as_run
from .workflow_settings import BUNDLE_ROOT, CONFIG_DIR, SEEDED, TRAININGS, WORKFLOWS, overlay_names, workflow_name

_DEBUG = "CXR_DEBUG"

logger = logging.getLogger(__name__)


def run_workflow(
    workflow: str,
    *,
    overlays: Sequence[str] = (),
    overrides: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Run one workflow in this process.

    Args:
        workflow: name of the workflow, see :func:`.workflow_settings.workflow_name`.
        overlays: names of configuration files that are merged over those of the workflow (``paper``, ``demo``,
            ``multi_gpu``).
        overrides: values by configuration key; a nested key is written as ``train::trainer::max_epochs``. A value is
            data and is never evaluated unless it is an :class:`.overrides.Expression`.

    Returns:
        Resolved values of the overridden keys.

    Raises:
        ValueError: a workflow, overlay or key is unknown (the message names the nearest), ``multi_gpu`` is used in a
            single process, or a key is set together with its former name.
    """
    from .components import BundleWorkflow

    start_program()
    workflow, overlays = workflow_name(workflow), [overlay.replace("-", "_") for overlay in overlays]
    files = _config_files(workflow, overlays)
    _check_launcher(overlays)
    check_former_names(overrides or {})
    overrides = {key: as_data(value) for key, value in {"bundle_root": BUNDLE_ROOT, **(overrides or {})}.items()}
    check_settings(_check_overrides(files, overrides) | overrides)
    job = BundleWorkflow(
        config_file=[str(file) for file in files],
        meta_file=str(CONFIG_DIR / "metadata.json"),
        logging_file=str(CONFIG_DIR / "logging.conf"),
        workflow_type="infer" if workflow == "inferring" else "train",
        run_id=workflow,
        **overrides,
    )
    try:
        job.initialize()
        rank = job.parser.get_parsed_content("rank") if "rank" in job.parser else 0
        output_dir = Path(job.parser.get_parsed_content("output_dir"))
        with explained_full_disk(output_dir), lock_output(output_dir, workflow, rank):
            job.run()
    except RuntimeError as error:
        raise root_cause(error) from error
    finally:
        job.finalize()
    return {key: job.parser.get_parsed_content(key) for key in overrides}


def lock_output(output_dir: str | Path, workflow: str, rank: int = 0) -> AbstractContextManager[object]:
    """Reserve an output folder for one run, as a context manager; only the process of rank 0 does so.

    Raises:
        ValueError: another run is writing to the folder.
    """
    if rank != 0:
        return nullcontext()
    return OutputLock(Path(output_dir), "training" if workflow in TRAININGS else workflow)


def prepare(output_dir: str | Path, workflow: str, rank: int = 0) -> None:
    """Check the settings and reserve the output folder; every configuration calls this first in its ``run``.

    :func:`run_workflow` does the same. This function does it for ``python -m monai.bundle run``.

    Args:
        output_dir: output folder of the workflow.
        workflow: name of the workflow.
        rank: rank of this process.

    Raises:
        ValueError: a setting is not allowed, or another run is writing to the folder.
    """
    main = getattr(sys.modules["__main__"], "__spec__", None)
    if main is not None and main.name.startswith("monai.bundle"):
        start_program()
        sys.excepthook = _show_error
        settings = config_as_run()
        check_settings(settings)
        if "seeds" in settings and workflow in SEEDED:
            raise ValueError(
                "--seeds: not known to this command, which runs one training; expected python -m bundle run "
                f"{workflow}, found python -m monai.bundle; use that command, or leave --seeds out"
            )
        for key, value in settings.items():
            if isinstance(value, str) and value.startswith("~"):
                raise ValueError(
                    f"{key}: ~ is not replaced here; expected a path, found {quoted(value)}; write $HOME instead"
                )
        atexit.register(lock_output(output_dir, workflow, rank).__exit__, None, None, None)


def _show_error(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Print an error that ends the program as one line; the traceback too if ``CXR_DEBUG`` is 1."""
    if os.environ.get(_DEBUG) == "1" or not isinstance(error, Exception):
        sys.__excepthook__(kind, error, trace)
    else:
        print(error_line(error, f"{_DEBUG}=1"), file=sys.stderr)


def merged_config(workflow: str, overlays: Sequence[str] = ()) -> dict[str, Any]:
    """Configuration of a workflow with its overlays, as it is written in the files; expressions are not evaluated.

    Args:
        workflow: name of the workflow.
        overlays: names of configuration files that are merged over it.

    Raises:
        ValueError: a name is unknown; the message names the nearest.
    """
    return _load(_config_files(workflow, overlays))


def parse_component(config_file: Path, name: str, overrides: Mapping[str, Any]) -> Any:
    """Component of a configuration, for use outside a workflow.

    Args:
        config_file: file that defines the component.
        name: key of the component.
        overrides: values by key, which are data as in :func:`run_workflow`.

    Raises:
        FileNotFoundError: the file does not exist.
        ValueError: a key is unknown.
    """
    if not config_file.is_file():
        raise FileNotFoundError(
            f"{config_file}: no configuration; expected the folder of a bundle; name the one with configs/"
        )
    values = {key: plain_if_text(value) for key, value in overrides.items()}
    config = yaml.safe_load(config_file.read_text(encoding="utf-8"))
    check_keys(config, values)
    check_settings(config | values)
    metadata = json.loads((CONFIG_DIR / "metadata.json").read_text(encoding="utf-8"))
    try:
        return _plain_components({"_meta_": metadata, **config}, values).get(name)
    except NeedsMonaiError as part:
        logger.debug("%s: %s: MONAI's parser reads it", config_file, part)
    from .components import bundle_parser

    parser = bundle_parser()
    parser.read_config(str(config_file))
    parser.read_meta(str(CONFIG_DIR / "metadata.json"))
    parser.update({key: as_data(value) for key, value in values.items()})
    try:
        return parser.get_parsed_content(name)
    except RuntimeError as error:
        raise root_cause(error) from error


def _plain_components(config: Mapping[str, Any], values: Mapping[str, Any]) -> PlainComponents:
    """Components of a configuration without MONAI.

    Raises:
        NeedsMonaiError: a value is an :class:`.overrides.Expression`, or the key of one is nested.
    """
    for key, value in values.items():
        if isinstance(value, Expression) or key not in config:
            raise NeedsMonaiError(key)
    return PlainComponents(config, values)


def start_log() -> None:
    """Configure the log as in a workflow, for a command that does not run one."""
    import logging.config

    logging.config.fileConfig(CONFIG_DIR / "logging.conf", disable_existing_loggers=False)


def _config_files(workflow: str, overlays: Sequence[str]) -> list[Path]:
    """Configuration files of a workflow, in the order in which they are merged."""
    for overlay in overlays:
        check_choice("--overlay", overlay, overlay_names(workflow_name(workflow)))
    return [
        CONFIG_DIR / name
        for name in (*WORKFLOWS[workflow_name(workflow)], *(f"{overlay}.yaml" for overlay in overlays))
    ]


def _check_launcher(overlays: Sequence[str]) -> None:
    """Check that ``multi_gpu`` is used only in ``torchrun``, which numbers the processes in the environment.

    Raises:
        ValueError: the environment has no number; the message states how to start the processes.
    """
    if "multi_gpu" in overlays and "RANK" not in os.environ:
        raise ValueError(
            "--overlay multi_gpu: needs several processes; expected the environment of torchrun, found none; start it "
            "with: torchrun --standalone --nproc_per_node=2 -m bundle run …"
        )


def _check_overrides(files: Sequence[Path], overrides: Mapping[str, Any]) -> dict[str, Any]:
    """Check that the merged configuration has all overridden keys, and return it without the overrides.

    Raises:
        ValueError: a key does not exist; the message names the nearest.
    """
    config = _load(files)
    check_keys(config, overrides)
    return config


def _load(files: Sequence[Path]) -> dict[str, Any]:
    """Merged content of configuration files."""
    from monai.bundle import ConfigParser

    return dict(ConfigParser.load_config_files([str(file) for file in files]))
