"""Enhancers of the arms by name; each is loaded once."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...common.printable import quoted
from ...super_resolution.enhancers.enhancer import Enhancer
from ...super_resolution.enhancers.registry import ENHANCERS, make_enhancer
from .filters import FILTERS


class Enhancers:
    """Enhancers by name, with or without data consistency.

    Args:
        folder: folder of the weights of the enhancers that have a network.
        networks: folders of further networks of the enhancer ``residual``, by the name that the arms use, such as one
            that was trained with the loss of a classifier.
        settings: further arguments of ``make_enhancer``.

    Raises:
        ValueError: a name of ``networks`` is that of another enhancer.
    """

    def __init__(self, folder: str | Path, networks: Mapping[str, str | Path] | None = None, **settings: Any) -> None:
        self.folder, self.networks, self.settings = folder, dict(networks or {}), settings
        for name in self.networks:
            if name in (*ENHANCERS, *FILTERS):
                raise ValueError(
                    f"sr_networks: {quoted(name)} is the name of an enhancer; expected a new one; choose another name"
                )
        self.loaded: dict[tuple[str, bool], Enhancer] = {}

    def __call__(self, name: str, data_consistency: bool) -> Enhancer:
        """Enhancer of a name; :func:`make_enhancer` documents its errors."""
        key = (name, data_consistency)
        if key not in self.loaded:
            self.loaded[key] = FILTERS[name]() if name in FILTERS else self.make(name, data_consistency)
        return self.loaded[key]

    def make(self, name: str, data_consistency: bool) -> Enhancer:
        """Load an enhancer."""
        if name in self.networks:
            folder = self.networks[name]
            return make_enhancer("residual", folder=folder, data_consistency=data_consistency, **self.settings)
        return make_enhancer(name, folder=self.folder, data_consistency=data_consistency, **self.settings)
