"""Configuration of the workflow that is running, for its MLflow run."""

from __future__ import annotations

import json
import sys
from typing import Any

from ..plain_components import PlainComponents


def config_as_run() -> dict[str, Any]:
    """Merged configuration, with overrides, of the parser that builds the caller; empty if there is no parser.

    The parser is found on the call stack, because there is no other way: MONAI 1.6.1 passes only its own arguments to a
    component, expressions see only resolved values, and ``python -m monai.bundle run`` creates the parser in code of
    MONAI.
    """
    monai = sys.modules.get("monai.bundle")  # nothing was parsed by MONAI where it was never imported
    parsers = (PlainComponents,) if monai is None else (PlainComponents, monai.ConfigParser)
    frame = sys._getframe()
    while frame is not None:
        owner = frame.f_locals.get("self")
        if isinstance(owner, parsers):
            return dict(json.loads(json.dumps(owner.config, default=str)))
        frame = frame.f_back  # type: ignore[assignment]
    return {}
