"""Overrides of a configuration: read from a command line, checked, and kept as data.

A value is data and is never evaluated, unless it is an :class:`Expression`.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import yaml

from .common.choices import check_choice
from .common.printable import quoted

_FORMER_NAMES = {"ldm": "sr_model"}
_SHORT_NAMES = {"out": "output_dir", "model": "model_dir"}  # as in the other commands
_REPEATED = "model_dir"  # the only option that may be written several times: its values are a list

logger = logging.getLogger(__name__)


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


class Expression(NamedTuple):
    """Override that MONAI's parser may evaluate.

    It may be code, as a configuration file may contain code. Only values that the user typed after ``run --key`` and
    components that this package puts into a configuration may be wrapped in it. The linter rejects the name elsewhere.

    Attributes:
        code: value as it would be written in a configuration file.
    """

    code: Any


def as_data(value: Any) -> Any:
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
    value = plain_if_text(value)
    if not isinstance(value, str | list | Mapping):
        return value
    literal = ascii(value)
    if not re.search(r"[$@%#]|['\"]_", literal):
        return value
    return "$" + re.sub("[$@%#]", lambda found: f"\\x{ord(found[0]):02x}", literal)


def plain_if_text(value: Any) -> Any:
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


def check_keys(config: Mapping[str, Any], overrides: Mapping[str, Any]) -> None:
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


def check_former_names(overrides: Mapping[str, Any]) -> None:
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
