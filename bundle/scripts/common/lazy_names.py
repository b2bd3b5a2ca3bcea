"""Public names of a package that are imported from their files when they are first used (PEP 562).

Some packages have MONAI's handlers beside pure functions. With ordinary imports in their ``__init__``, whoever needs
one of the functions would wait ten seconds for MONAI.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any


def lazy_names(package: str, **files: str) -> Callable[[str], Any]:
    """Return the ``__getattr__`` of a package.

    Args:
        package: ``__name__`` of the package.
        files: by file of the package, the names that it gives, separated by blanks.
    """
    places = {name: file for file, names in files.items() for name in names.split()}

    def find(name: str) -> Any:
        """Import a public name of the package."""
        if name not in places:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(import_module(f".{places[name]}", package), name)

    return find
