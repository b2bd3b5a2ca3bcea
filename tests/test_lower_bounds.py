"""The lower bounds of setup.cfg are the versions that ``make test-lowest`` installs, and the tested set fits them."""

import configparser
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[1]
TOOLS = ("test", "docs")  # extras with programs that test and that write the documentation


def requirements(*, without=()):
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    extras = [text for extra, text in setup["options.extras_require"].items() if extra not in without]
    lines = "\n".join([setup["options"]["install_requires"], *extras]).splitlines()
    return [Requirement(line) for line in lines if line.strip()]


def pinned(name):
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    pins = [Requirement(line) for line in lines if line and not line.startswith("#")]
    return {canonicalize_name(pin.name): Version(next(iter(pin.specifier)).version) for pin in pins}


def test_each_lower_bound_is_the_version_that_is_tested():
    lowest = pinned("constraints-lowest.txt")
    for requirement in requirements(without=TOOLS):
        (bound,) = requirement.specifier
        assert bound.operator == ">=", f"{requirement}: expected a lower bound"
        assert lowest[canonicalize_name(requirement.name)] == Version(bound.version), requirement


@pytest.mark.parametrize(("name", "without"), [("constraints.txt", ()), ("constraints-lowest.txt", ("docs",))])
def test_each_set_has_a_version_of_every_requirement(name, without):
    pins = pinned(name)
    for requirement in requirements(without=without):
        version = pins[canonicalize_name(requirement.name)]
        assert requirement.specifier.contains(version), f"{requirement}: {name} has {version}"
