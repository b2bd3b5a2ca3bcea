"""Loads the programs of ``integrations/docs_site``."""

import importlib.util
import sys

from .conftest import ROOT

FOLDER = ROOT / "integrations" / "docs_site"


def load(name):
    """Return a program as a module."""
    spec = importlib.util.spec_from_file_location(name, FOLDER / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # its dataclasses ask for it
    spec.loader.exec_module(module)
    return module
