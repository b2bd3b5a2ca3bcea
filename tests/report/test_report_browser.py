"""The report in Chromium, opened as a file: it can be read at every width, in both schemes and in print."""

import json
import os
from pathlib import Path

import pytest
from scripts.report.report import _write_report

from .runs import ATTACK, LABELS, write_run

WIDTHS = (360, 390, 768, 1280, 1600)
SHOTS = os.environ.get("CXR_SCREENSHOTS")  # folder that keeps the pictures of the page
# Elements that lie outside the page although no box around them scrolls, hence cut off.
CUT_OFF = """
[...document.querySelectorAll('main *, header *')].filter(one => {
  const box = one.getBoundingClientRect();
  return box.width && (box.right > innerWidth + 1 || box.left < -1) && !one.closest('.scroll, .chart, pre, svg');
}).map(one => one.outerHTML.slice(0, 90))
"""


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """Report of a run with three seeds."""
    return _write_report(write_run(tmp_path_factory.mktemp("run")))


@pytest.fixture
def opened(browser, report):
    """Open the report; afterwards there was no request, no error and no line in the console."""
    pages, seen = [], []

    def open_page(width=1280, path=report, **options):
        page = browser.new_page(viewport={"width": width, "height": 900}, **options)
        page.set_default_timeout(120_000)
        page.on("console", lambda message: seen.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: seen.append(f"error: {error}"))
        page.on(
            "request", lambda request: None if request.url.startswith(("data:", "file:")) else seen.append(request.url)
        )
        page.goto(path.as_uri())
        pages.append(page)
        return page

    yield open_page
    assert seen == []
    for page in pages:
        page.close()


def open_all(page):
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")


def test_the_parts_stand_in_their_order_and_tables_are_folded(opened):
    page = opened()
    tops = [
        page.locator(part).first.bounding_box()["y"]
        for part in (".verdict", "#difference", "#disagreement", "#regions", ".parts", "#limitations", "#not-run")
    ]
    assert tops == sorted(tops)
    assert page.locator("table:visible").count() == 0 and page.locator(".fold").count() >= 8
    page.locator("#comparison > summary").click()
    assert page.locator("#comparison table").last.is_visible()


def test_the_difference_shows_every_seed_and_the_spread_of_the_base(opened):
    page = opened()
    rows = page.locator("#difference .rows li:has(.numbers)")
    assert rows.count() == 1 + len(LABELS)
    assert rows.nth(1).locator(".seed").count() == 3 and rows.nth(1).locator(".band").count() == 1
    chart, mean = rows.nth(1).locator("svg").first.bounding_box(), rows.nth(1).locator(".mean").bounding_box()
    difference = float(rows.nth(1).locator(".numbers").inner_text().split()[0].replace("−", "-"))
    middle = chart["x"] + chart["width"] / 2
    assert (mean["x"] + mean["width"] / 2 > middle) == (difference > 0)


def test_text_from_outside_is_shown_as_text(opened):
    page = opened()
    open_all(page)
    assert ATTACK in page.locator("#difference").inner_text() and ATTACK in page.locator("#regions").inner_text()
    assert page.title().startswith("Did attention") and page.locator("img[onerror]").count() == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_cut_off_at_any_width(opened, scheme):
    for width in WIDTHS:
        page = opened(width, color_scheme=scheme)
        if SHOTS:
            page.screenshot(path=Path(SHOTS) / f"report-{width}-{scheme}.png", full_page=True)
        open_all(page)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), width
        assert page.evaluate(CUT_OFF) == [], width
        assert page.locator(".notices").is_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_accessibility_rules_hold_with_all_parts_open(opened, scheme):
    axe = pytest.importorskip(
        "axe_playwright_python.sync_playwright", reason="no axe: pip install axe-playwright-python"
    )
    page = opened(color_scheme=scheme, bypass_csp=True)  # axe is a script that the policy of the page does not know
    open_all(page)
    violations = axe.Axe().run(page).response["violations"]
    found = [(one["id"], [node["target"] for node in one["nodes"]][:3]) for one in violations]
    assert found == [], json.dumps(found, indent=1)


def test_print_opens_the_folded_parts_and_has_no_wide_table(opened):
    page = opened(1040)
    page.emulate_media(media="print", color_scheme="dark")
    assert page.locator("#comparison table").last.is_visible() and page.locator("#provenance table").is_visible()
    assert page.evaluate(CUT_OFF.replace(".scroll, ", "")) == []
    assert page.evaluate("getComputedStyle(document.body).color") == "rgb(0, 0, 0)"


@pytest.mark.parametrize(
    ("content", "verdict", "absent"),
    [
        ({"seeds": 1}, "the chance of training was not measured", ".seed, .band"),
        ({"seeds": 1, "retrained": False}, "No answer yet", "#difference, #disagreement, #comparison"),
    ],
    ids=["one-seed", "no-retrained-model"],
)
def test_a_smaller_run_says_what_is_missing(opened, tmp_path, content, verdict, absent):
    page = opened(390, _write_report(write_run(tmp_path / "run", **content)))
    assert verdict in page.locator(".verdict").inner_text()
    assert page.locator(absent).count() == 0
    assert page.locator("#not-run li").count() > 0 and page.locator("#results-base").count() == 1
    open_all(page)
    assert page.evaluate(CUT_OFF) == []
