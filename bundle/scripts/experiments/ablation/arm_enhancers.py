"""Enhancers of the arms by name; each is loaded once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ...super_resolution.enhancers.enhancer import Enhancer
from ...super_resolution.enhancers.registry import make_enhancer
from .filters import FILTERS


class Enhancers:
    """Enhancers by name, with or without data consistency.

    Args:
        folder: folder of the weights of the enhancers that have a network.
        settings: further arguments of ``make_enhancer``.
    """

    def __init__(self, folder: str | Path, **settings: Any) -> None:
        self.folder, self.settings = folder, settings
        self.loaded: dict[tuple[str, bool], Enhancer] = {}

    def __call__(self, name: str, data_consistency: bool) -> Enhancer:
        """Enhancer of a name; :func:`make_enhancer` documents its errors."""
        key = (name, data_consistency)
        if key not in self.loaded:
            self.loaded[key] = FILTERS[name]() if name in FILTERS else self.make(name, data_consistency)
        return self.loaded[key]

    def make(self, name: str, data_consistency: bool) -> Enhancer:
        """Load an enhancer."""
        return make_enhancer(name, folder=self.folder, data_consistency=data_consistency, **self.settings)
