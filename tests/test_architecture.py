"""The layout of ``bundle/scripts``: imports only point down, and each package lists its files in that order."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1] / "bundle" / "scripts"
PACKAGES = sorted(path.parent for path in ROOT.rglob("__init__.py"))


def listed(package):
    """Names in the list of a package's docstring, in their order."""
    docstring = ast.get_docstring(ast.parse((package / "__init__.py").read_text()))
    return re.findall(r"^``(\w+)``  ", docstring, re.MULTILINE)


def contents(package):
    """Modules and packages in a folder."""
    modules = {path.stem for path in package.glob("*.py")} - {"__init__"}
    return modules | {path.parent.name for path in package.glob("*/__init__.py")}


def imports(path):
    """Modules that a file imports, at its top or in a function, as tuples of names below ``scripts``."""
    package = path.relative_to(ROOT).parent.parts
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = package[: len(package) - node.level + 1]
            target = (*base, *(node.module.split(".") if node.module else ()))
            for alias in node.names:
                yield (*target, alias.name) if is_module((*target, alias.name)) else target


def is_module(names):
    path = ROOT.joinpath(*names)
    return path.with_suffix(".py").is_file() or (path / "__init__.py").is_file()


@pytest.mark.parametrize("package", PACKAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_package_lists_its_files(package):
    assert sorted(listed(package)) == sorted(contents(package))


@pytest.mark.parametrize("package", PACKAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_an_import_points_to_what_is_listed_before(package):
    order = {name: rank for rank, name in enumerate(listed(package))}
    below = package.relative_to(ROOT).parts
    upward = []
    for path in sorted(package.rglob("*.py")):
        own = path.relative_to(package).with_suffix("").parts
        if own == ("__init__",):
            continue
        for target in imports(path):
            if target[: len(below)] == below and len(target) > len(below):
                name = target[len(below)]
                if name != own[0] and order[name] > order[own[0]]:
                    upward.append(f"{'.'.join((*below, *own))} imports {'.'.join(target)}")
    assert upward == []


def test_a_file_name_occurs_once():
    names = [path.stem for path in ROOT.rglob("*.py") if path.stem != "__init__"]
    assert sorted({name for name in names if names.count(name) > 1}) == []
