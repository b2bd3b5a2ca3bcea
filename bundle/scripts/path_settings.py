"""Settings that are needed before a configuration is resolved, because they decide what is run: folders and files."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .common.printable import quoted
from .overrides import Expression  # noqa: TID251 - reads typed values


def plain(value: Any) -> Any:
    """Value without the mark that it may be evaluated."""
    return value.code if isinstance(value, Expression) else value


def is_path(value: Any) -> bool:
    """Whether a value is a path; text of a configuration or that a user typed may be an expression instead."""
    is_code = isinstance(value, Expression) and str(value.code).startswith(("$", "@", "%"))
    return isinstance(plain(value), str | os.PathLike) and not is_code


def folder_setting(settings: Mapping[str, Any], key: str, option: str) -> Path:
    """Folder of a setting, which is needed before the configuration is resolved.

    Args:
        settings: settings by key.
        key: name of the setting.
        option: what needs the folder, for the message: ``seeds`` or ``folds``.

    Raises:
        ValueError: the setting is an expression.
    """
    value = settings[key]
    if not is_path(value):
        raise ValueError(
            f"{key}: expected a path with several {option}, found {quoted(plain(value))}; write the path itself"
        )
    return Path(plain(value))
