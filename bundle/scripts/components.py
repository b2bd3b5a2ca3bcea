"""Resolves ``_target_: scripts.…`` in a configuration to this package, under whatever name it was imported.

MONAI, MONAI Label and MONAI Deploy put the folder of a bundle on the path and import its code as ``scripts``, so the
configurations name classes ``scripts.…``. A program that uses the installed package imports the same code as
``cxr_attention_sr.scripts``, and may have a package ``scripts`` of its own. If MONAI imported the names as they are
written, it would load the code a second time, whose classes are other classes, or find the package of that program.

MONAI's parser asks its ``locator`` for the module of every ``_target_``. The locator in this file answers with the
package above this one. The configurations, and what is recorded of them, stay as they are; nothing is added to
``sys.path`` or ``sys.modules``.
"""

from __future__ import annotations

from typing import Any

from monai.bundle import ComponentLocator, ConfigParser, ConfigWorkflow

_WRITTEN = "scripts."
_ABOVE = __name__.removesuffix("scripts.components").rstrip(".")  # cxr_attention_sr, or empty under MONAI


class BundleLocator(ComponentLocator):
    """Locator that finds ``scripts.…`` in this package, and everything else where MONAI finds it."""

    def get_component_module_name(self, name: str) -> list[str] | str | None:
        """Package in front of ``name``, or ``None`` if ``name`` is complete; MONAI joins both with a dot."""
        if name.startswith(_WRITTEN):
            return _ABOVE or None
        return super().get_component_module_name(name)


def bundle_parser() -> ConfigParser:
    """Return an empty parser that resolves ``scripts.…`` to this package."""
    parser = ConfigParser()
    parser.locator = BundleLocator()
    return parser


class BundleWorkflow(ConfigWorkflow):
    """Workflow of configurations whose ``scripts.…`` is this package. The arguments are those of MONAI's class."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.parser.locator = BundleLocator()

    def run(self) -> Any:
        """Run the workflow; MONAI's method would also put the folder of the bundle on ``sys.path``."""
        return self._run_expr(id=self.run_id)
