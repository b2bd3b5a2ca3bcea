"""Run a workflow of the bundle by name, from any folder, with its configuration files filled in.

``python -m bundle run training`` is ``python -m monai.bundle run training --config_file configs/train.yaml`` without
the file names (MONAI 1.6.1 has no default for them), and it refuses a mistyped override, which MONAI silently ignores.
"""

from __future__ import annotations

import logging
import os
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from .common.choices import check_choice

BUNDLE_ROOT = Path(__file__).resolve().parents[1]
CONFIG_DIR = BUNDLE_ROOT / "configs"
WORKFLOWS: dict[str, tuple[str, ...]] = {
    "training": ("train.yaml",),
    "enhancing": ("enhance.yaml",),
    "retraining": ("train.yaml", "retrain.yaml"),
    "zooming": ("train.yaml", "zoom.yaml"),
    "calibration": ("train.yaml", "calibrate.yaml"),
    "evaluating": ("train.yaml", "evaluate.yaml"),
    "explaining": ("explain.yaml",),
    "inferring": ("inference.yaml",),
    "sr_training": ("train_sr.yaml",),
    "sr_evaluation": ("sr_evaluation.yaml",),
    "ablation": ("ablation.yaml",),
}
_KINDS = {"inferring": "infer"}
_FORMER_NAMES = {"ldm": "sr_model"}

logger = logging.getLogger(__name__)


def run_workflow(
    workflow: str,
    *,
    overlays: Sequence[str] = (),
    overrides: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Run one workflow in this process.

    Args:
        workflow: a key of ``WORKFLOWS``.
        overlays: names of configuration files merged over the workflow's own (``paper``, ``demo``, ``multi_gpu``).
        overrides: configuration keys and their values; nested keys as ``train::trainer::max_epochs``. A value is data
            and is never evaluated, whatever it begins with, unless it is an :class:`Expression`.

    Returns:
        The resolved values of the keys that the caller set, as the workflow saw them.

    Raises:
        ValueError: unknown workflow, overlay or key, with the nearest that exists; ``multi_gpu`` in one process; a key
            together with its former name.
    """
    from monai.bundle import ConfigWorkflow

    files = _config_files(workflow, overlays)
    _check_launcher(overlays)
    _check_former_names(overrides or {})
    overrides = {key: _as_data(value) for key, value in {"bundle_root": BUNDLE_ROOT, **(overrides or {})}.items()}
    _check_overrides(files, overrides)
    job = ConfigWorkflow(
        config_file=[str(file) for file in files],
        meta_file=str(CONFIG_DIR / "metadata.json"),
        logging_file=str(CONFIG_DIR / "logging.conf"),
        workflow_type=_KINDS.get(workflow, "train"),
        run_id=workflow,
        **overrides,
    )
    try:
        job.initialize()
        job.run()
    except RuntimeError as error:
        raise _root_cause(error) from error
    finally:
        job.finalize()
    return {key: job.parser.get_parsed_content(key) for key in overrides}


def parse_component(config_file: Path, name: str, overrides: Mapping[str, Any]) -> Any:
    """One component of a configuration, built for a program that is no workflow.

    Args:
        config_file: that the component is defined in.
        name: its key.
        overrides: keys and values, which are data, as of :func:`run_workflow`.

    Raises:
        FileNotFoundError: no such file.
        ValueError: an unknown key.
    """
    from monai.bundle import ConfigParser

    if not config_file.is_file():
        raise FileNotFoundError(
            f"{config_file}: no configuration; expected the folder of a bundle; name the one with configs/"
        )
    _check_overrides([config_file], overrides)
    parser = ConfigParser()
    parser.read_config(str(config_file))
    parser.read_meta(str(CONFIG_DIR / "metadata.json"))
    parser.update({key: _as_data(value) for key, value in overrides.items()})
    try:
        return parser.get_parsed_content(name)
    except RuntimeError as error:
        raise _root_cause(error) from error


class Expression(NamedTuple):
    """An override that MONAI's parser may evaluate: code, as a configuration is code.

    Only what the user typed after ``run --key``, and components that this software itself puts into a configuration,
    may be wrapped in it; the linter refuses the name everywhere else.

    Attributes:
        code: as it would stand in a configuration file.
    """

    code: Any


def _as_data(value: Any) -> Any:
    """Rewrite a value so that MONAI's parser gives it back as it is, or unwrap an :class:`Expression`.

    The parser evaluates a string that begins with ``$``, replaces one that begins with ``@`` or ``%`` by what it names
    (which may be a file), changes ``#`` to ``::``, and instantiates a dictionary with ``_target_``. A file name or a
    value of a request must do none of that. A value that contains one of these characters, or a string that begins with
    an underscore, becomes an expression that is one Python literal with these characters escaped.

    Args:
        value: a number, string, path, ``None``, or lists and dictionaries of these; a path becomes a string. An object
            of another type, for example a ``torch.device``, is returned as it is: the parser passes it on.

    Raises:
        TypeError: a list or dictionary that contains something else.
    """
    if isinstance(value, Expression):
        return value.code
    if not isinstance(value, str | list | tuple | Mapping | os.PathLike):
        return value
    value = _plain(value)
    literal = ascii(value)
    if not re.search(r"[$@%#]|['\"]_", literal):
        return value
    return "$" + re.sub("[$@%#]", lambda found: f"\\x{ord(found[0]):02x}", literal)


def _plain(value: Any) -> Any:
    """A copy that consists of what Python has literals for.

    Raises:
        TypeError: it contains something else.
    """
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    if isinstance(value, Mapping):
        return {_plain(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, str):
        return str(value)
    if value is None or isinstance(value, bool | int | float):
        return value
    raise TypeError(f"a setting holds a {type(value).__name__}; expected numbers, strings, lists and dictionaries")


def start_log() -> None:
    """Log as workflows do, in a command that runs none."""
    import logging.config

    logging.config.fileConfig(CONFIG_DIR / "logging.conf", disable_existing_loggers=False)


def _root_cause(error: BaseException) -> BaseException:
    """The error that a component raised: MONAI wraps it in ``RuntimeError``s with the text of whole expressions."""
    while isinstance(error, RuntimeError) and error.__cause__ is not None:
        error = error.__cause__
    return error


def _config_files(workflow: str, overlays: Sequence[str]) -> list[Path]:
    """Files of a workflow, in merging order."""
    check_choice("workflow", workflow, WORKFLOWS)
    own = WORKFLOWS[workflow]
    # What makes another workflow is no overlay: zooming's network, laid over evaluating, would be an untrained one.
    taken = {name for files in WORKFLOWS.values() for name in files}
    available = sorted(path.stem for path in CONFIG_DIR.glob("*.yaml") if path.name not in taken)
    for overlay in overlays:
        check_choice("--overlay", overlay, available)
    return [CONFIG_DIR / name for name in (*own, *(f"{overlay}.yaml" for overlay in overlays))]


def _check_launcher(overlays: Sequence[str]) -> None:
    """Refuse ``multi_gpu`` outside ``torchrun``, which numbers the processes in the environment.

    Raises:
        ValueError: saying how to start it.
    """
    if "multi_gpu" in overlays and "RANK" not in os.environ:
        raise ValueError(
            "--overlay multi_gpu: needs several processes; expected the environment of torchrun, found none; start it "
            "with: torchrun --standalone --nproc_per_node=2 -m bundle run …"
        )


def _check_former_names(overrides: Mapping[str, Any]) -> None:
    """Warn about a key that has been renamed; the configurations still read it.

    Raises:
        ValueError: the key and its former name are both set.
    """
    for former, name in _FORMER_NAMES.items():
        if former in overrides and name in overrides:
            raise ValueError(
                f"--{former}: former name of --{name}; expected one of them, found both; set --{name} only"
            )
        if former in overrides:
            logger.warning("--%s is the former name of --%s and is still read; please write --%s", former, name, name)


def _check_overrides(files: Sequence[Path], overrides: Mapping[str, Any]) -> None:
    """Refuse a key that the merged configuration does not have.

    Raises:
        ValueError: naming the key and the nearest that exists.
    """
    from monai.bundle import ConfigParser

    config = ConfigParser.load_config_files([str(file) for file in files])
    known = sorted(set(_all_keys(config)))
    for key in overrides:
        check_choice(f"--{key}", key.replace("#", "::"), known)


def _all_keys(config: Any, prefix: str = "") -> Iterable[str]:
    """Every id of a configuration, nested ones joined with ``::``."""
    children = config.items() if isinstance(config, dict) else enumerate(config) if isinstance(config, list) else ()
    for name, child in children:
        key = f"{prefix}::{name}" if prefix else str(name)
        yield key
        yield from _all_keys(child, key)


def parse_overrides(arguments: Sequence[str]) -> dict[str, Any]:
    """``--key value`` and ``--key=value`` pairs; values are read as YAML.

    Raises:
        ValueError: an argument without a value, or a value without a key.
    """
    overrides: dict[str, Any] = {}
    pending = list(arguments)
    while pending:
        argument = pending.pop(0)
        key, equals, value = argument.removeprefix("--").partition("=")
        if not argument.startswith("--") or (not equals and not pending):
            raise ValueError(f"{argument}: not an override; expected --key value, found {argument!r}; see --help")
        overrides[key] = _parse_value(value if equals else pending.pop(0))
    return overrides


def _parse_value(text: str) -> Any:
    """YAML value; a number like 1e-5, which YAML takes for text, becomes a number."""
    value = yaml.safe_load(text)
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return value
    return value


if str(BUNDLE_ROOT) not in sys.path:
    # ``_target_: scripts.…`` must be found before MONAI puts the bundle on the path (it does so in ``run`` only).
    sys.path.insert(0, str(BUNDLE_ROOT))
