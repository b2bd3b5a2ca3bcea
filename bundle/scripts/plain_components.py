"""Builds a component of a configuration without MONAI, whose import takes longer than a prediction.

What a prediction needs of ``inference.yaml`` consists of plain values, references ``@key``, components ``_target_:
scripts.…`` and short expressions. This file reads these as MONAI's parser does. Anything else that a configuration may
contain (macros, nested references, MONAI's own components and switches) is an :class:`NeedsMonaiError`, and
:func:`.workflow.parse_component` then takes MONAI's parser.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib import import_module
from typing import Any

_OURS = "scripts."
_REFERENCE = re.compile(r"@(\w+)")


class NeedsMonaiError(Exception):
    """A part of a configuration that only MONAI's parser can read."""


class PlainComponents:
    """Components of a configuration; each is built once, when it is first needed.

    Args:
        config: content of the file. Its expressions are evaluated, as MONAI does: a configuration is code.
        data: values by key, which replace those of the file and are never evaluated.

    Attributes:
        config: configuration with these values, as for :func:`.tracking.config_as_run`.
    """

    def __init__(self, config: Mapping[str, Any], data: Mapping[str, Any]) -> None:
        self.config = {**config, **data}
        self._built = dict(data)

    def get(self, key: str) -> Any:
        """Value or component of a key.

        Raises:
            NeedsMonaiError: it needs something that only MONAI's parser can read.
        """
        if key not in self._built:
            if key not in self.config:
                raise NeedsMonaiError(key)
            self._built[key] = self._resolve(self.config[key])
        return self._built[key]

    def _resolve(self, value: Any) -> Any:
        """Value that an entry of the configuration stands for."""
        if isinstance(value, list):
            return [self._resolve(entry) for entry in value]
        if isinstance(value, Mapping):
            return self._component(value) if "_target_" in value else self._mapping(value)
        if not isinstance(value, str) or value[:1] not in {"@", "$", "%"}:
            return value
        reference = _REFERENCE.fullmatch(value)
        if reference:
            return self.get(reference[1])
        if value[0] != "$" or re.search(r"@\w+(::|#)|@[^\w]", value):
            raise NeedsMonaiError(value)
        return self._evaluate(value[1:])

    def _mapping(self, value: Mapping[str, Any]) -> dict[str, Any]:
        """Mapping with its values resolved."""
        return {key: self._resolve(entry) for key, entry in value.items()}

    def _component(self, value: Mapping[str, Any]) -> Any:
        """Object that the ``_target_`` of this package returns."""
        target = value["_target_"]
        arguments = {key: entry for key, entry in value.items() if key != "_target_"}
        if not target.startswith(_OURS) or any(key.startswith("_") for key in arguments):
            raise NeedsMonaiError(target)
        module, _, name = target.removeprefix(_OURS).rpartition(".")
        return getattr(import_module(f".{module}", __package__), name)(**self._mapping(arguments))

    def _evaluate(self, code: str) -> Any:
        """Value of an expression, in which the name of each reference stands for its value."""
        import torch

        values = {f"_{key}": self.get(key) for key in _REFERENCE.findall(code)}
        try:
            # The text is from the configuration file, never from the data.
            return eval(_REFERENCE.sub(r"_\1", code), {"torch": torch}, values)
        except (NameError, SyntaxError) as error:  # a module that MONAI's parser imports, or a statement
            raise NeedsMonaiError(code) from error
