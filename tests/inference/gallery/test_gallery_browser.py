"""The page in Chromium, opened as a file: what a reader does with it, and that nothing leaves it."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

from ...browser import until
from .films import LABELS, prediction, refusal, write

WIDTHS = (360, 390, 768, 1280, 1600)
SHOTS = os.environ.get("CXR_SCREENSHOTS")  # folder that keeps the pictures of the page
ATTACK = '<img src="http://127.0.0.1:9/x" onerror="document.title=1">'


@pytest.fixture(scope="module")
def page_file(tmp_path_factory):
    """Six films, the second one with a hostile name, and two refused inputs."""
    films = [prediction(number) for number in range(6)]
    films[1].name = f"films/{ATTACK}.png"
    films[1].flags.append(ATTACK)
    films[2].enhanced_regions.regions.clear()
    return write(tmp_path_factory.mktemp("page"), films, [refusal(), refusal("films/ct.dcm", code="OTHER_MODALITY")])


@pytest.fixture
def opened(browser, page_file):
    """Open the page at a width; afterwards there was no request, no error and no line in the console."""
    pages, seen = [], []

    def open_page(width=1280, path=page_file, **options):
        page = browser.new_page(viewport={"width": width, "height": 900}, **options)
        page.on("console", lambda message: seen.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: seen.append(f"error: {error}"))
        page.on(
            "request", lambda request: None if request.url.startswith(("data:", "file:")) else seen.append(request.url)
        )
        page.goto(path.as_uri())
        page.wait_for_selector("#count:not(:empty)")
        pages.append(page)
        return page

    yield open_page
    assert seen == []
    for page in pages:
        page.close()


def names(page):
    """Names of the films in the list, as they stand."""
    return page.locator("#rows .file").all_inner_texts()


def test_list_sorts_by_its_headings_and_says_so(opened):
    page = opened()
    assert names(page)[0] == "000.png" and len(names(page)) == 8
    page.locator("#columns [data-sort=novelty]").click()
    assert names(page)[:2] == ["003.png", "005.png"] and names(page)[-1] == "ct.dcm"
    assert page.locator("th.novelty").first.get_attribute("aria-sort") == "descending"
    page.locator("#columns [data-sort=novelty]").click()
    assert names(page)[-1] == "003.png"
    page.locator("#label").select_option("Mass")
    page.locator("#sort").select_option("probability")
    assert page.locator("#rows td.probability").first.inner_text() == "25 %"
    assert page.locator("#rows td.decision").first.inner_text() == "● over"


def test_list_filters_by_text_label_decision_and_kind(opened):
    page = opened()
    page.locator("#search").fill("orientation")
    assert names(page) == [f"{ATTACK}.png".rpartition("/")[2]] and page.locator("#count").inner_text() == "1 of 8 films"
    page.locator("#filters [type=reset]").click()
    until(page, "document.querySelectorAll('#rows tr').length === 8")
    page.locator("#label").select_option("Edema")
    page.locator("#decision").select_option("over")
    assert names(page) == ["000.png", "002.png", "004.png"]
    page.locator("#decision").select_option("below")
    assert len(names(page)) == 3
    page.locator("#decision").select_option("")
    for kind, count in (("used", 6), ("refused", 2), ("novel", 1), ("flags", 1), ("missing", 0)):
        page.locator("#status").select_option(kind)
        assert len(names(page)) == count, kind


def test_text_from_outside_is_shown_as_text(opened):
    page = opened()
    page.locator("#rows .open").nth(1).click()
    assert ATTACK in page.locator("#film .flag").all_inner_texts()
    assert page.title() == "Predictions" and page.locator("img[onerror]").count() == 0


def test_film_shows_its_probabilities_with_thresholds_flags_and_maps(opened):
    page = opened()
    page.locator("#rows .open").first.click()
    bars = page.locator("#bars li")
    assert bars.first.inner_text().split("\n")[0] == "Edema" and "● 90 % / 50 %" in bars.first.inner_text()
    assert bars.first.locator(".threshold").evaluate("mark => mark.style.left") == "50%"
    shown = page.locator("#stage .map")
    together = shown.get_attribute("src")
    page.locator("#map").select_option("● Edema")
    assert shown.get_attribute("src") not in ("", together)
    assert page.locator("#bars button[aria-pressed=true]").inner_text() == "Edema"
    page.locator("#opacity").fill("20")
    assert shown.evaluate("map => map.style.opacity") == "0.2"
    page.locator("#map").select_option("off")
    assert not shown.is_visible()


def test_window_level_and_inversion_change_the_grey_values_that_are_seen(opened):
    page = opened()
    page.locator("#rows .open").first.click()
    page.locator("#map").select_option("off")
    page.locator("#boxes").uncheck()
    film = page.locator("#stage")

    def grey(share):
        """Grey value in the middle row, at a share of the width."""
        box = film.bounding_box()
        clip = {"x": box["x"] + share * box["width"], "y": box["y"] + box["height"] / 2, "width": 2, "height": 2}
        import io

        from PIL import Image

        return Image.open(io.BytesIO(page.screenshot(clip=clip))).convert("L").getpixel((0, 0))

    assert abs(grey(0.5) - 0.35 * 255) < 8  # the film rises from 0 to 0.7
    page.locator("#level").fill("35")
    page.locator("#width").fill("10")
    assert grey(0.3) < 5 and grey(0.7) > 250
    page.locator("#invert").check()
    assert grey(0.3) > 250 and grey(0.7) < 5
    page.locator("#reset-window").click()
    assert abs(grey(0.5) - 0.35 * 255) < 8 and not page.locator("#invert").is_checked()


def test_slider_moves_the_border_between_before_and_after_and_each_version_can_be_shown(opened):
    page = opened()
    page.locator("#rows .open").first.click()
    slider = page.locator("#region-0 input[type=range]")
    slider.fill("20")
    right = page.locator("#region-0 .before").evaluate("image => getComputedStyle(image).clipPath")
    assert "80%" in right
    slider.focus()
    page.keyboard.press("ArrowRight")  # moves the slider, not to the next film
    assert slider.input_value() == "21" and page.locator("h2").inner_text().startswith("000.png")
    for mode, tag in (("native", "native"), ("input", "input of the enhancer"), ("difference", "enhanced − native")):
        page.locator(f".modes input[value={mode}]").check()
        assert page.locator("#region-0 .tag").inner_text() == tag
    assert "25 % of the grey range" in page.locator("#region-0").inner_text()
    page.locator(".modes input[value=enhanced]").check()
    assert "synthetic" in page.locator("#region-0 .tag").inner_text()


def test_keyboard_goes_through_the_films_zooms_and_goes_back_to_the_row(opened):
    page = opened()
    page.locator("#rows .open").first.focus()
    page.keyboard.press("Enter")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert page.locator("h2").inner_text().startswith("002.png")
    assert page.locator("#region-0 .missing").is_visible()  # the enhancer failed on it
    page.keyboard.press("+")
    assert page.locator("#zoom-value").inner_text() == "140 %"
    page.keyboard.press("0")
    page.keyboard.press("b")
    assert page.locator("#zoom-value").inner_text() == "100 %" and not page.locator("#stage .box").first.is_visible()
    page.keyboard.press("Escape")
    assert page.locator("#rows tr").nth(2).locator(".open").evaluate("one => one === document.activeElement")
    page.keyboard.press("/")
    assert page.locator("#search").evaluate("one => one === document.activeElement")


def test_keys_switch_map_inversion_and_the_way_to_show_the_regions(opened):
    page = opened()
    page.locator("#rows .open").nth(1).click()
    page.keyboard.press("ArrowLeft")
    assert page.locator("h2").inner_text().startswith("000.png")
    page.keyboard.press("m")
    assert not page.locator("#stage .map").is_visible()
    page.keyboard.press("m")
    assert page.locator("#stage .map").is_visible()
    page.keyboard.press("i")
    assert page.locator("#invert").is_checked()
    for mode in ("start", "native", "input", "enhanced", "difference", "compare"):
        page.keyboard.press("r")
        assert page.locator(".modes input:checked").get_attribute("value") == mode
    page.keyboard.press("ArrowLeft")  # there is none before the first
    assert page.locator("h2").inner_text().startswith("000.png")


def test_list_sorts_by_everything_that_the_menu_offers_in_both_orders(opened):
    page = opened()
    hostile = f"{ATTACK}.png".rpartition("/")[2]
    first = {"name": hostile, "findings": hostile, "flags": hostile, "status": "lateral.dcm", "order": "000.png"}
    assert set(first) < set(page.locator("#sort option").evaluate_all("all => all.map((one) => one.value)"))
    for key, name in first.items():
        page.locator("#sort").select_option(key)
        before = names(page)
        assert before[0] == name, key
        page.locator("#direction").click()
        assert names(page) != before, key


def test_refused_film_shows_why_and_what_to_do_and_an_address_opens_it(opened, page_file):
    page = opened()
    page.locator("#status").select_option("refused")
    page.locator("#rows .open").first.click()
    text = page.locator("#film").inner_text()
    assert "Refused: NOT_FRONTAL" in text and "expected PA or AP" in text and "What to do: leave it out" in text
    page.go_back()
    page.wait_for_selector("#film", state="hidden")
    page.goto(f"{page_file.as_uri()}#film-3")
    page.wait_for_selector("#stage")
    assert page.locator("h2").inner_text().startswith("003.png")


def test_page_without_enhancement_and_calibration_says_so(opened, tmp_path):
    plain = prediction(
        calibrated=None,
        decisions=None,
        novelty=None,
        label_maps=None,
        regions=[],
        region_labels=[],
        enhanced_regions=None,
    )
    page = opened(path=write(tmp_path, [plain], thresholds=None, enhancer=None))
    assert "not calibrated" in page.locator("#rows").inner_text()
    page.locator("#rows .open").click()
    text = page.locator("#film").inner_text()
    assert "super-resolution was switched off" in text and "no thresholds" in text and "No DICOM objects" in text


def test_spread_of_several_networks_stands_behind_their_probability(opened, tmp_path):
    spread = prediction().probabilities / 10
    page = opened(WIDTHS[0], path=write(tmp_path, [prediction(spread=spread, calibrated_spread=spread)]))
    page.locator("#rows .open").click()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    if SHOTS:
        page.screenshot(path=Path(SHOTS) / "gallery-spread.png", full_page=True)
    assert "90 % ± 9.0 % / 50 %" in page.locator("#bars li").first.inner_text()
    assert "± is the standard deviation over the networks" in page.locator("#bars-card").inner_text()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_cut_off_at_any_width(opened, scheme):
    for width in WIDTHS:
        page = opened(width, color_scheme=scheme)
        for part in ("list", "film", "refused"):
            if part != "list":
                page.evaluate(f"location.hash = '#film-{0 if part == 'film' else 6}'")
                page.wait_for_selector("#film h2")
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (width, part)
            assert page.locator(".notices").is_visible()
            if SHOTS:
                page.screenshot(path=Path(SHOTS) / f"gallery-{part}-{width}-{scheme}.png", full_page=True)


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 1280), ("light", 390), ("dark", 390)])
def test_accessibility_rules_hold_for_list_film_and_refusal(opened, scheme, width):
    axe = pytest.importorskip(
        "axe_playwright_python.sync_playwright", reason="no axe: pip install axe-playwright-python"
    )
    page = opened(
        width, color_scheme=scheme, bypass_csp=True
    )  # axe is a script that the policy of the page does not know
    found = []
    for part, address in (("list", ""), ("film", "#film-0"), ("refusal", "#film-6")):
        page.evaluate(f"location.hash = '{address}'")
        page.wait_for_selector("#film" if address else "#rows tr")
        violations = axe.Axe().run(page).response["violations"]
        found += [(part, one["id"], [node["target"] for node in one["nodes"]][:3]) for one in violations]
    assert found == [], json.dumps(found, indent=1)


def test_long_names_stay_inside_the_list_of_a_telephone(opened, tmp_path):
    labels = ["Enlarged Cardiomediastinum of Unknown Cause", *LABELS[1:]]
    page = opened(
        path=write(tmp_path, [prediction(0, labels=labels, decisions=np.ones(3, bool))], labels=labels), width=360
    )
    chip, rows = (page.locator(what).first.bounding_box() for what in (".chip.over", "#rows"))
    assert labels[0] in page.locator(".chip.over").first.inner_text()
    assert chip["x"] + chip["width"] <= rows["x"] + rows["width"] <= 360


def test_pictures_beside_the_page_are_loaded_when_they_are_seen(opened, tmp_path):
    films = [prediction(number, label_maps=None, regions=[], region_labels=[]) for number in range(60)]
    page = opened(path=write(tmp_path, films), width=1280)
    loaded = "[...document.querySelectorAll('#rows img')].filter(one => one.complete && one.naturalWidth).length"
    until(page, f"{loaded} > 0")
    assert page.evaluate(loaded) < 60
    page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
    until(page, "document.querySelectorAll('#rows img')[59].naturalWidth > 0")
    page.locator("#rows .open").nth(55).click()
    until(page, "document.querySelector('.radiograph').naturalWidth === 128")
    assert page.locator("#bars li").count() == len(LABELS)
