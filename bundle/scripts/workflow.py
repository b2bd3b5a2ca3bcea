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
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

import yaml

from .common.atomic import explained_full_disk, full_disk_cause
from .common.choices import check_choice
from .common.locking import OutputLock
from .common.printable import SHOWN_MESSAGE, quoted, shortened
from .common.program_start import start_program
from .common.setting_checks import check_settings
from .plain_components import NeedsMonaiError, PlainComponents
from .tracking import config_as_run
from .workflow_settings import BUNDLE_ROOT, CONFIG_DIR, SEEDED, TRAININGS, WORKFLOWS, overlay_names, workflow_name

_KINDS = {"inferring": "infer"}
_FORMER_NAMES = {"ldm": "sr_model"}
_SHORT_NAMES = {"out": "output_dir", "model": "model_dir"}  # as in the other commands
_REPEATED = "model_dir"  # the only option that may be written several times: its values are a list
_DEBUG = "CXR_DEBUG"
_DISK_FULL = (
    "; the disk is full, and everything finished so far is kept: free some space and run the same command again"
)

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
            data and is never evaluated unless it is an :class:`Expression`.

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
    _check_former_names(overrides or {})
    overrides = {key: _as_data(value) for key, value in {"bundle_root": BUNDLE_ROOT, **(overrides or {})}.items()}
    check_settings(_check_overrides(files, overrides) | overrides)
    job = BundleWorkflow(
        config_file=[str(file) for file in files],
        meta_file=str(CONFIG_DIR / "metadata.json"),
        logging_file=str(CONFIG_DIR / "logging.conf"),
        workflow_type=_KINDS.get(workflow, "train"),
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
        raise _root_cause(error) from error
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


def error_line(error: Exception, debug: str) -> str:
    """Printable line that reports an error.

    Args:
        error: error that ended a command.
        debug: option or variable that shows the traceback.
    """
    cause = full_disk_cause(error)
    if cause is not None:
        full = "" if getattr(cause, "is_explained", False) else _DISK_FULL
        return shortened(f"error: {cause}{full}", SHOWN_MESSAGE)
    error = _root_cause(error)
    if isinstance(error, ValueError | OSError | FloatingPointError | MemoryError):
        return shortened(f"error: {error}", SHOWN_MESSAGE)
    text = f"error: unexpected {type(error).__name__}: {error}"
    return f"{shortened(text, SHOWN_MESSAGE)}; {debug} shows where; please report it"


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
    values = {key: _plain_if_text(value) for key, value in overrides.items()}
    config = yaml.safe_load(config_file.read_text(encoding="utf-8"))
    _check_keys(config, values)
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
    parser.update({key: _as_data(value) for key, value in values.items()})
    try:
        return parser.get_parsed_content(name)
    except RuntimeError as error:
        raise _root_cause(error) from error


def _plain_components(config: Mapping[str, Any], values: Mapping[str, Any]) -> PlainComponents:
    """Components of a configuration without MONAI.

    Raises:
        NeedsMonaiError: a value is an :class:`Expression`, or the key of one is nested.
    """
    for key, value in values.items():
        if isinstance(value, Expression) or key not in config:
            raise NeedsMonaiError(key)
    return PlainComponents(config, values)


class Expression(NamedTuple):
    """Override that MONAI's parser may evaluate.

    It may be code, as a configuration file may contain code. Only values that the user typed after ``run --key`` and
    components that this package puts into a configuration may be wrapped in it. The linter rejects the name elsewhere.

    Attributes:
        code: value as it would be written in a configuration file.
    """

    code: Any


def _as_data(value: Any) -> Any:
    """Value that MONAI's parser resolves to ``value`` unchanged; an :class:`Expression` is unwrapped.

    The parser evaluates a string that begins with ``$``, replaces one that begins with ``@`` or ``%`` by the object
    that it names (which may be a file), changes ``#`` to ``::``, and instantiates a dictionary with ``_target_``. A
    file name or a value of a request must not have these effects. A value that contains one of these characters, or
    a string that begins with an underscore, is therefore written as an expression that is one Python literal with
    escapes.

    Args:
        value: number, string, path, ``None``, or a list or dictionary of these; a path becomes a string. An object of
            another type, for example a ``torch.device``, is returned unchanged, because the parser passes it on.

    Raises:
        TypeError: a list or dictionary contains an object of another type.
    """
    if isinstance(value, Expression):
        return value.code
    value = _plain_if_text(value)
    if not isinstance(value, str | list | Mapping):
        return value
    literal = ascii(value)
    if not re.search(r"[$@%#]|['\"]_", literal):
        return value
    return "$" + re.sub("[$@%#]", lambda found: f"\\x{ord(found[0]):02x}", literal)


def _plain_if_text(value: Any) -> Any:
    """Texts, paths, lists and dictionaries as :func:`_plain` returns them; others, and expressions, unchanged."""
    is_text = isinstance(value, str | list | tuple | Mapping | os.PathLike) and not isinstance(value, Expression)
    return _plain(value) if is_text else value


def _plain(value: Any) -> Any:
    """Copy of a value that consists only of types with Python literals; paths become strings.

    Raises:
        TypeError: the value contains an object of another type.
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
    """Configure the log as in a workflow, for a command that does not run one."""
    import logging.config

    logging.config.fileConfig(CONFIG_DIR / "logging.conf", disable_existing_loggers=False)


def _root_cause(error: Exception) -> Exception:
    """Error that a component raised, without the ``RuntimeError``s with whole expressions that MONAI wraps it in."""
    passed: list[Exception] = []  # an error that was raised from its wrapper leads back to it
    while isinstance(error, RuntimeError) and isinstance(error.__cause__, Exception) and error not in passed:
        passed.append(error)
        error = error.__cause__
    return passed[0] if error in passed else error


def _config_files(workflow: str, overlays: Sequence[str]) -> list[Path]:
    """Configuration files of a workflow, in the order in which they are merged."""
    for overlay in overlays:
        check_choice("--overlay", overlay, overlay_names())
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


def _check_overrides(files: Sequence[Path], overrides: Mapping[str, Any]) -> dict[str, Any]:
    """Check that the merged configuration has all overridden keys, and return it without the overrides.

    Raises:
        ValueError: a key does not exist; the message names the nearest.
    """
    config = _load(files)
    _check_keys(config, overrides)
    return config


def _load(files: Sequence[Path]) -> dict[str, Any]:
    """Merged content of configuration files."""
    from monai.bundle import ConfigParser

    return dict(ConfigParser.load_config_files([str(file) for file in files]))


def _check_keys(config: Mapping[str, Any], overrides: Mapping[str, Any]) -> None:
    """Check that a configuration has all overridden keys.

    Raises:
        ValueError: a key does not exist; the message names the nearest.
    """
    known = sorted(set(_all_keys(config)))
    for key in overrides:
        check_choice(f"--{key}", key.replace("#", "::"), known)


def _all_keys(config: Any, prefix: str = "") -> Iterable[str]:
    """All keys of a configuration; parts of nested keys are joined with ``::``."""
    children = config.items() if isinstance(config, dict) else enumerate(config) if isinstance(config, list) else ()
    for name, child in children:
        key = f"{prefix}::{name}" if prefix else str(name)
        yield key
        yield from _all_keys(child, key)


def parse_overrides(arguments: Sequence[str]) -> dict[str, Any]:
    """Overrides from arguments ``--key value`` and ``--key=value``; values are read as YAML.

    A key may be written with dashes for underscores. ``--out`` and ``--model`` stand for ``--output_dir`` and
    ``--model_dir``, which may be repeated.

    Raises:
        ValueError: an argument has no value, or a value has no key.
    """
    overrides: dict[str, Any] = {}
    pending = list(arguments)
    while pending:
        argument = pending.pop(0)
        key, equals, value = argument.removeprefix("--").partition("=")
        if not argument.startswith("--") or (not equals and not pending):
            raise ValueError(f"{argument}: not an override; expected --key value, found {argument!r}; see --help")
        key = key.replace("-", "_")
        key = _SHORT_NAMES.get(key, key)
        parsed = _parse_value(key, value if equals else pending.pop(0))
        if key == _REPEATED and key in overrides:
            earlier = overrides[key]
            parsed = [*(earlier if isinstance(earlier, list) else [earlier]), parsed]
        overrides[key] = parsed
    return overrides


def _parse_value(key: str, text: str) -> Any:
    """Value of a YAML text, with numbers and paths as in :func:`_plain_value`.

    Raises:
        ValueError: the text is not YAML.
    """
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError as error:
        problem = getattr(error, "problem", None) or "syntax error"
        raise ValueError(
            f"--{key}: not YAML ({problem}); expected a value such as 3, text, [a, b] or '{{a: 1}}', found "
            f"{quoted(text)}; quote it, and close brackets and quotation marks"
        ) from error
    return _plain_value(value)


def _plain_value(value: Any) -> Any:
    """Value with texts such as 1e-5, which YAML does not read as numbers, as numbers, and with ``~/`` as home folder.

    A shell does not replace the ``~`` of ``--output_dir=~/x``.
    """
    if isinstance(value, list):
        return [_plain_value(entry) for entry in value]
    if not isinstance(value, str):
        return value
    try:
        return float(value)
    except ValueError:
        return os.path.expanduser(value)
