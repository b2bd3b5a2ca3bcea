import json
import re
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser

import pytest
from scripts.evaluation.predictions import OK
from scripts.inference.gallery.film_record import film_record
from scripts.inference.gallery.prediction_gallery import PredictionGallery
from scripts.inference.study_prediction import StudyPrediction

from .films import LABELS, RUN, data_of, prediction, refusal, write

ATTACK = "<img src=x onerror=alert(1)></script><script>alert(2)</script>{{ 7 * 7 }}"


class Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.texts = [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.texts.append(data)


def test_fifty_films_are_one_file_and_more_have_a_folder(tmp_path):
    one = prediction()
    page = write(tmp_path, [one] * 50)
    assert [path.name for path in tmp_path.iterdir()] == ["predictions.html"]
    assert page.read_text().count('"film.jpg": "data:image/jpeg;base64,') == 50
    page = write(tmp_path, [one] * 50, [refusal()])
    assert len(list((tmp_path / "predictions_files").iterdir())) == 50
    film = data_of(page)["films"][7]
    assert (
        film["thumbnail"] == "predictions_files/00007_film/thumbnail.jpg" and (tmp_path / film["thumbnail"]).is_file()
    )
    assert "base64" not in page.read_text()


def test_a_smaller_second_run_leaves_nothing_of_the_first(tmp_path):
    write(tmp_path, [prediction(number) for number in range(51)])
    page = write(tmp_path, [prediction(7)])
    assert [film["name"] for film in data_of(page)["films"]] == ["films/007.png"]
    assert [path.name for path in tmp_path.iterdir()] == ["predictions.html"]


def test_policy_admits_the_script_and_the_style_of_the_page_and_nothing_else(tmp_path):
    html = write(tmp_path, [prediction()]).read_text(encoding="utf-8")
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', html)[1].replace("&#39;", "'")
    for kind, tag in (("script-src", r'<script type="module">'), ("style-src", "<style>")):
        text = re.search(rf"{tag}(.*?)</", html, re.DOTALL)[1]
        assert f"{kind} 'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'" in policy
    assert policy.startswith("default-src 'none'; img-src data:; ") and "unsafe" not in policy and "http" not in policy


@pytest.mark.parametrize("films", [1, 51])
def test_text_from_outside_is_never_a_tag(films, tmp_path):
    one = prediction(name=f"{ATTACK}.png", labels=[ATTACK, *LABELS[1:]], flags=[ATTACK], region_labels=[ATTACK, None])
    run = {"labels": [ATTACK, *LABELS[1:]], "policy": ATTACK, "attention": ATTACK, "enhancer": ATTACK}
    page = write(tmp_path, [one] * films, [refusal(ATTACK)], **run)
    parsed = Tags()
    parsed.feed(page.read_text(encoding="utf-8"))
    clean = Tags()
    clean.feed(write(tmp_path / "clean", [prediction()] * films, [refusal()]).read_text(encoding="utf-8"))
    assert [tag for tag, _ in parsed.tags] == [tag for tag, _ in clean.tags]
    assert data_of(page)["films"][0]["name"] == f"{ATTACK}.png" and data_of(page)["labels"][0] == ATTACK


def test_page_says_what_it_is_without_a_script(tmp_path):
    parsed = Tags()
    parsed.feed(write(tmp_path, []).read_text(encoding="utf-8"))
    text = " ".join(parsed.texts)
    assert "Research use only. Not for diagnosis." in text and "Super-resolved detail is synthetic." in text
    assert "needs JavaScript" in text


def test_films_stand_in_the_order_of_the_inputs_with_the_reason_of_each_that_was_refused(tmp_path):
    gallery = PredictionGallery(tmp_path / "predictions.html", RUN)
    for order in (12, 3):
        gallery.add(f"{order:05}_x", order, prediction(order))
    refused = StudyPrediction("b.dcm", "NOT_FRONTAL", [refusal("b.dcm")])
    gallery.add("00007_b", 7, refused)
    gallery.write()
    films = data_of(gallery.page)["films"]
    assert [film["order"] for film in films] == [3, 7, 12] and [film["status"] for film in films] == [
        OK,
        "NOT_FRONTAL",
        OK,
    ]
    assert films[1]["remedy"] == "leave it out"


def test_film_whose_pictures_cannot_be_made_keeps_its_numbers_and_the_log_quotes_nothing(tmp_path, caplog):
    broken, whole = prediction(0, attention_map=None), prediction(1)
    page = write(tmp_path, [broken, whole])
    films = data_of(page)["films"]
    assert films[0]["pictures"] is False and films[0]["probabilities"] == [0.9, 0.1, 0.05] and films[1]["pictures"]
    assert "films/000.png: is shown without pictures in predictions.html" in caplog.text


def test_page_that_cannot_be_written_is_a_line_of_the_log(tmp_path, caplog):
    (tmp_path / "predictions.html").mkdir()
    write(tmp_path, [prediction()])
    assert "predictions.html: could not be written" in caplog.text


def test_pictures_of_a_killed_process_are_not_shown(tmp_path):
    left = tmp_path / "predictions_files" / ".00000_x.new"
    left.mkdir(parents=True)
    (left / "film.json").write_text(json.dumps(film_record(0, prediction().row())))
    gallery = PredictionGallery(tmp_path / "predictions.html", RUN)
    gallery.add("00001_x", 1, prediction())
    gallery.write()
    assert [film["order"] for film in data_of(gallery.page)["films"]] == [1]
