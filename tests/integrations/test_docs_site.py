"""The documentation site: built without a warning, complete, and without anything from another computer."""

import re
import subprocess
import sys

import pytest

from .conftest import ROOT
from .docs_tools import FOLDER, load

pytest.importorskip("furo", reason="no furo: pip install '.[docs]'")
IMAGES = ROOT / "bundle" / "docs" / "images"


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The site, built as `make docs` builds it; a warning of Sphinx fails."""
    out = tmp_path_factory.mktemp("docs") / "site"
    command = [sys.executable, str(FOLDER / "build_site.py"), "--out", str(out)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-5000:]
    return out


def test_every_page_and_every_public_name_is_there(site):
    import bundle

    pages = [*(ROOT / "bundle" / "docs").glob("*.md"), *(ROOT / "bundle" / "docs" / "tutorials").glob("*.ipynb")]
    assert len(pages) > 8
    for path in pages:
        assert (site / path.relative_to(ROOT / "bundle" / "docs").with_suffix(".html")).exists(), path
    library = (site / "library.html").read_text()
    assert [name for name in bundle.__all__ if f'id="cxr_attention_sr.{name}"' not in library] == []


def test_every_component_of_the_configurations_has_its_docstring(site):
    components = (site / "components.html").read_text()
    for name in (
        "scripts.inference.FilmAnalysis",
        "scripts.attention.make_attention",
        "scripts.networks.ViTMultilabel",
    ):
        assert f'id="cxr_attention_sr.{name}"' in components
    assert "region_enhancer" in components and "Raises" in components


@pytest.mark.parametrize(
    ("page", "fault"),
    [
        ("# A\n\n[b](b.md)\n", "cross-reference target not found: 'b.md'"),
        ("# A\n\n[b](#b)\n", "cross-reference target not found: 'b'"),
        ("# A\n\n![b](b.png)\n", "image file not readable: b.png"),
    ],
    ids=["page", "heading", "picture"],
)
def test_link_to_nothing_is_an_error(tmp_path, page, fault):
    source = tmp_path / "source"
    source.mkdir()
    (source / "index.md").write_text(page)
    program = (
        "import sys, pathlib; sys.path.insert(0, sys.argv[1]); import build_site\n"
        "build_site._import_this_tree(); build_site.run_sphinx(*map(pathlib.Path, sys.argv[2:]))"
    )
    command = [sys.executable, "-c", program, str(FOLDER), str(source), str(tmp_path / "out")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1 and fault in done.stderr and "expected none; repair the lines" in done.stderr


def test_whatever_a_browser_would_load_from_elsewhere_is_found(tmp_path):
    (tmp_path / "page.html").write_text(
        '<link rel="stylesheet" href="https://one.example/a.css"><script src="//two.example/b.js"></script>'
        '<img src="img.png" srcset="small.png 1x, http://three.example/c.png 2x">'
        "<style>body { background: url('https://four.example/d.png') }</style>"
        '<p style="background: url(https://five.example/e.png)">see <a href="https://six.example">there</a></p>'
    )
    (tmp_path / "theme.css").write_text('@import "https://seven.example/f.css"; a { background: url(local.png) }')
    found = load("build_site").outside_resources(tmp_path)
    assert [re.search(r"//(\w+)\.", line)[1] for line in found] == ["one", "two", "three", "four", "five", "seven"]
    assert found[0].startswith("page.html: ") and found[-1].startswith("theme.css: ")


def test_search_works_from_a_file_and_no_page_sends_a_request(browser, site):
    seen = []
    page = browser.new_page(viewport={"width": 390, "height": 844})
    page.on("request", lambda request: seen.append(request.url))
    page.on("pageerror", lambda error: seen.append(f"error: {error}"))
    for name in ("index", "library", "tutorials/from-films-to-report"):
        page.goto((site / f"{name}.html").as_uri())
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), name
    page.goto(f"{(site / 'search.html').as_uri()}?q=calibrating")
    page.wait_for_selector("#search-results li a")
    assert any("evaluation.html" in link.get_attribute("href") for link in page.locator("#search-results li a").all())
    page.close()
    assert len(seen) > 4 and [url for url in seen if not url.startswith(("file:", "data:"))] == []


def test_pictures_are_small_and_each_is_shown_somewhere():
    texts = [path.read_text() for path in [ROOT / "README.md", *(ROOT / "bundle" / "docs").glob("*.md")]]
    texts += [path.read_text() for path in (FOLDER / "pages").glob("*.md")]
    pictures = [*IMAGES.iterdir()]
    assert pictures
    for path in pictures:
        assert path.stat().st_size <= 150_000, path
        assert any(f"images/{path.name}" in text for text in texts), path
