"""Builds the documentation as a static site that needs no server and no network.

    make docs             # dist/site/index.html

The pages are the Markdown files and notebooks of ``bundle/docs``, those of ``pages/`` beside this file, and a page with
the docstring of every component that a configuration names. A new page needs a line in ``pages/index.md``. A warning
of Sphinx, such as a broken link, is an error, and so is anything on a page that a browser would load from another
computer.
"""

from __future__ import annotations

import argparse
import re
import shutil
import sys
from html.parser import HTMLParser
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from inspect import isclass
from pathlib import Path
from tempfile import TemporaryDirectory

from sphinx.cmd.build import main as sphinx_build

_HERE = Path(__file__).parent
_ROOT = _HERE.parents[1]
_DOCS = _ROOT / "bundle" / "docs"
_ELSEWHERE = {"changelog.md": "CHANGELOG.md", "security-policy.md": "SECURITY.md"}  # page -> file of the repository
_LINKS = {"](../../SECURITY.md)": "](security-policy.md)", "](bundle/docs/": "]("}  # in the repository -> in the site
_OUTSIDE = re.compile(r"^(https?:)?//", re.IGNORECASE)
_LOADED = {"script": "src", "img": "src", "iframe": "src", "source": "src", "video": "src", "audio": "src"}
_LOADED |= {"link": "href", "embed": "src", "object": "data", "input": "src", "image": "href", "use": "href"}
_IN_STYLE = re.compile(r"(?:url\(|@import)\s*['\"]?((?:https?:)?//[^'\")\s]+)", re.IGNORECASE)


def build_site(out: Path) -> None:
    """Build the site.

    Args:
        out: folder of the site, made new.

    Raises:
        ValueError: Sphinx found a fault, or a page loads something from another computer.
    """
    shutil.rmtree(out, ignore_errors=True)
    _import_this_tree()
    with TemporaryDirectory() as temporary:
        source = Path(temporary) / "source"
        gather_pages(source)
        run_sphinx(source, out)
    outside = outside_resources(out)
    if outside:
        raise ValueError(
            f"{out}: pages load something from other computers; expected nothing, found {', '.join(outside)}; "
            "take it out, or keep a copy in the site"
        )


def run_sphinx(source: Path, out: Path) -> None:
    """Write the pages as HTML.

    Args:
        source: folder of the pages.
        out: folder of the site.

    Raises:
        ValueError: Sphinx found a fault.
    """
    options = ["--fail-on-warning", "--quiet", "--builder", "html", "--conf-dir", str(_HERE)]
    with TemporaryDirectory() as doctrees:
        if sphinx_build([*options, "--doctree-dir", doctrees, str(source), str(out)]):
            raise ValueError(f"{out}: Sphinx found faults; expected none; repair the lines that it named above")


def gather_pages(source: Path) -> None:
    """Put all pages into one folder, with links among them that work there.

    Args:
        source: folder to make.
    """
    shutil.copytree(_DOCS, source)
    shutil.copytree(_HERE / "pages", source, dirs_exist_ok=True)
    for page, name in _ELSEWHERE.items():
        shutil.copy(_ROOT / name, source / page)
    for path in source.rglob("*.md"):
        text = path.read_text(encoding="utf-8")
        for there, here in _LINKS.items():
            text = text.replace(there, here)
        path.write_text(text, encoding="utf-8")
    (source / "components.md").write_text(_components_page(), encoding="utf-8")


def component_names() -> list[str]:
    """Names of the classes and functions of ours that the configurations name, without those of the library page."""
    texts = [path.read_text(encoding="utf-8") for path in sorted((_ROOT / "bundle" / "configs").glob("*.yaml"))]
    public = set(sys.modules["cxr_attention_sr"].__all__)
    found = {name for text in texts for name in re.findall(r"_target_: (scripts\.[\w.]+)", text)}
    return sorted(name for name in found if name.rpartition(".")[2] not in public)


def _components_page() -> str:
    """Markdown with the docstring of every component, by package."""
    parts = [
        "# Components of configurations\n",
        "The configurations in `bundle/configs` build these classes, and call these functions, by the names that stand",
        "above them. A program imports them from `cxr_attention_sr.scripts…`. They may move between versions.\n",
    ]
    package = ""
    for name in component_names():
        if name.split(".")[1] != package:
            package = name.split(".")[1]
            parts.append(f"## {package}\n")
        module, _, attribute = f"cxr_attention_sr.{name}".rpartition(".")
        kind = "class" if isclass(getattr(import_module(module), attribute)) else "function"
        parts.append(f"### `{name}`\n\n```{{eval-rst}}\n.. auto{kind}:: {module}.{attribute}\n```\n")
    return "\n".join(parts)


def _import_this_tree() -> None:
    """Import the package of this tree under its name, whatever version is installed."""
    folder = _ROOT / "bundle"
    spec = spec_from_file_location("cxr_attention_sr", folder / "__init__.py", submodule_search_locations=[str(folder)])
    assert spec and spec.loader
    sys.modules[spec.name] = module_from_spec(spec)
    spec.loader.exec_module(sys.modules[spec.name])


class _Loads(HTMLParser):
    """Collects the addresses that a browser loads for a page; links that a reader follows are none of them."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_data(self, data: str) -> None:
        """Collect the addresses of a style sheet within the page."""
        if self.lasttag == "style":
            self.found += _IN_STYLE.findall(data)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Collect the address of an element, and those in its style."""
        values = {name: value or "" for name, value in attrs}
        addresses = [values.get(_LOADED.get(tag, ""), ""), *_IN_STYLE.findall(values.get("style", ""))]
        addresses += [part.split()[0] for part in values.get("srcset", "").split(",") if part.strip()]
        self.found += [address for address in addresses if _OUTSIDE.match(address)]


def outside_resources(site: Path) -> list[str]:
    """Addresses on other computers that the pages of a site load.

    Args:
        site: folder with HTML pages and style sheets.

    Returns:
        ``page: address`` for each, in order. Scripts are not searched; a browser shows whether they send a request.
    """
    found = []
    for path in sorted([*site.rglob("*.html"), *site.rglob("*.css")]):
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".css":
            addresses = _IN_STYLE.findall(text)
        else:
            loads = _Loads()
            loads.feed(text)
            addresses = loads.found
        found += [f"{path.relative_to(site)}: {address}" for address in addresses]
    return found


def main() -> None:
    """Build the site in the folder that the command line names."""
    parser = argparse.ArgumentParser(description="Build the documentation as a static site.")
    parser.add_argument("--out", type=Path, default=_ROOT / "dist" / "site", help="folder of the site, made new")
    out = parser.parse_args().out
    try:
        build_site(out)
    except ValueError as error:
        sys.exit(f"error: {error}")
    print(out / "index.html")


if __name__ == "__main__":
    main()
