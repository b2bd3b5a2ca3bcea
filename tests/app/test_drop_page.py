"""The page in Chromium: a film is dropped, its predictions are seen, and nothing leaves this computer."""

import base64
import json
import os
import zipfile
from pathlib import Path

import pytest

from ..browser import until
from ..dicom.objects.conformant import cr
from ..dicom.synthetic import save
from .running import running

SHOTS = os.environ.get("CXR_SCREENSHOTS")  # folder that keeps the pictures of the page
ATTACK = '<img src=x onerror="document.title=1">.dcm'
DROP = """
([element, files]) => {
  const data = new DataTransfer();
  const bytes = (content) => Uint8Array.from(atob(content), (one) => one.charCodeAt(0));
  for (const [name, content] of files) data.items.add(new File([bytes(content)], name));
  element.dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true }));
}
"""


@pytest.fixture(scope="module")
def address(model_dir, tmp_path_factory):
    with running(model_dir, tmp_path_factory.mktemp("server"), "--dicom") as (_, address):
        yield address


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    return save(cr(), tmp_path_factory.mktemp("film") / "film.dcm").read_bytes()


@pytest.fixture
def opened(browser, address):
    """Open the page at a width; afterwards there was no request to elsewhere, no error and no line in the console."""
    pages, seen = [], []

    def open_page(width=1280, **options):
        page = browser.new_page(viewport={"width": width, "height": 900}, **options)
        page.set_default_timeout(60_000)
        page.on("console", lambda message: seen.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: seen.append(f"error: {error}"))
        page.on("request", lambda one: None if one.url.startswith(("data:", address)) else seen.append(f"to {one.url}"))
        page.goto(address)
        pages.append(page)
        return page

    open_page.seen = seen
    yield open_page
    assert seen == []
    for page in pages:
        page.close()


def drop(page, **films):
    files = [[name, base64.b64encode(content).decode()] for name, content in films.items()]
    page.evaluate(DROP, [page.locator("#drop").element_handle(), files])


def forget_refusals(opened):
    """Chromium writes a line for each upload that the server refuses."""
    assert opened.seen and all("the server responded with a status of 400" in line for line in opened.seen)
    opened.seen.clear()


def shot(page, name, width):
    if SHOTS:
        page.screenshot(path=Path(SHOTS) / f"serve-{name}-{width}.png", full_page=True)


def fits(page):
    return page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("width", [390, 1280])
def test_dropped_films_are_predicted_shown_and_downloaded(opened, film, tmp_path, width):
    page = opened(width)
    assert fits(page)
    shot(page, "start", width)
    drop(page, **{"film.dcm": film, ATTACK: film, "notes.png": b"no film"})
    page.wait_for_selector("#result:not([hidden])")
    assert page.locator("#summary").inner_text() == "2 films predicted, 1 refused or incomplete."
    gallery = page.frame_locator("#gallery")
    gallery.locator("#rows tr").nth(2).wait_for()
    assert sorted(gallery.locator("#rows .file").all_inner_texts()) == sorted(["film.dcm", ATTACK, "notes.png"])
    assert fits(page)
    gallery.locator("#rows .open").first.click()
    gallery.locator("#stage .radiograph").wait_for()
    assert gallery.locator("#stage .radiograph").evaluate("picture => picture.naturalWidth") > 0
    assert gallery.locator("#regions .region").count() > 0
    shot(page, "film", width)
    with page.expect_download() as download:
        gallery.locator("#files a", has_text="Findings").click()
    assert download.value.suggested_filename == "findings.dcm"
    with page.expect_download() as download:
        page.locator("#download").click()
    download.value.save_as(tmp_path / "results.zip")
    with zipfile.ZipFile(tmp_path / "results.zip") as results:
        assert "film.dcm" in results.read("predictions/predictions.csv").decode()
        assert {"predictions/predictions.html", "predictions/failures.csv"} <= set(results.namelist())
    assert page.title() == "Predict chest films"


def test_batch_survives_a_reload_and_is_removed_on_request(opened, film):
    page = opened()
    drop(page, **{"film.dcm": film})
    page.wait_for_selector("#result:not([hidden])")
    page.reload()
    page.wait_for_selector("#result:not([hidden])")
    address = page.locator("#download").evaluate("link => link.href")
    page.locator("#remove").click()
    page.wait_for_selector("#choose:not([hidden])")
    until(page, "location.hash === ''")
    assert page.request.get(address).status == 404


def test_progress_is_shown_and_a_batch_can_be_cancelled(opened, film):
    page = opened()
    page.evaluate(
        """() => {
          window.told = [];
          new MutationObserver(() => window.told.push(document.getElementById("message").textContent))
            .observe(document.getElementById("message"), { childList: true });
        }"""
    )
    drop(page, **{f"{number}.dcm": film for number in range(30)})
    until(page, "window.told.some((text) => text.startsWith('Predicting') || text.startsWith('Reading'))")
    page.locator("#cancel").click()
    page.wait_for_selector("#choose:not([hidden])")
    assert page.evaluate("window.told").count("Sending film 30 of 30 …") == 1
    drop(page, **{"film.dcm": film})  # the worker is free again
    page.wait_for_selector("#result:not([hidden])")
    assert page.locator("#summary").inner_text() == "1 film predicted."


def test_file_that_is_not_accepted_costs_no_other_and_says_why(opened, film):
    page = opened()
    drop(page, **{"a.zip": b"no archive", "film.dcm": film})
    page.wait_for_selector("#result:not([hidden])")
    assert page.locator("#summary").inner_text() == "1 film predicted."
    assert page.locator("#reasons li").all_inner_texts() == [
        "a.zip: archive: the archive cannot be opened; expected a complete zip file, found BadZipFile"
    ]
    page.locator("#remove").click()
    drop(page, **{"b.zip": b"no archive"})
    page.wait_for_selector("#choose:not([hidden])")
    until(page, "document.querySelector('#reasons').textContent.startsWith('b.zip')")
    forget_refusals(opened)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_accessibility_rules_hold_before_and_after(opened, film, scheme):
    axe = pytest.importorskip(
        "axe_playwright_python.sync_playwright", reason="no axe: pip install axe-playwright-python"
    )
    page = opened(color_scheme=scheme, bypass_csp=True)  # axe is a script that the policy of the page does not know
    found = []
    for part in ("start", "result"):
        if part == "result":
            drop(page, **{"film.dcm": film, "a.zip": b"no archive"})
            page.wait_for_selector("#result:not([hidden])")
            page.frame_locator("#gallery").locator("#rows tr").first.wait_for()
        violations = axe.Axe().run(page).response["violations"]
        found += [(part, one["id"], [node["target"] for node in one["nodes"]][:3]) for one in violations]
    forget_refusals(opened)
    assert found == [], json.dumps(found, indent=1)
