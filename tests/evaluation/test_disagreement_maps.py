import logging

import numpy as np
import pytest
from PIL import Image
from scripts.evaluation.disagreement_maps import draw_disagreement
from scripts.networks.loading import weights_sha256

from ..conftest import LABELS
from ..test_cli import tiny_model

FILMS = [{"case": 1, "label": LABELS[0]}, {"case": 0, "label": LABELS[1]}]


@pytest.fixture
def images(tmp_path):
    """Paths of two films of 40 rows and 80 columns, the second one brighter."""
    for number, grey in enumerate((50, 200)):
        pixels = np.full((40, 80), grey, np.uint8)
        pixels[0, :2] = 0, 255
        Image.fromarray(pixels).save(tmp_path / f"{number}.png")
    return [str(tmp_path / f"{number}.png") for number in (0, 1)]


def test_each_film_has_its_picture_and_the_map_of_each_model(tmp_path, images):
    model = tiny_model(tmp_path)
    out = tmp_path / "disagreement"
    out.mkdir()
    (out / "film_2.jpg").write_bytes(b"of an earlier comparison")
    draw_disagreement(FILMS, images, {"base": (model, weights_sha256(model))}, out)
    assert {path.name for path in out.iterdir()} == {
        *("film_0.jpg", "film_1.jpg"),
        *("film_0_base.png", "film_1_base.png"),
    }
    greys = [np.asarray(Image.open(out / f"film_{number}.jpg")).mean() for number in (0, 1)]
    assert greys[0] > greys[1] + 100
    assert Image.open(out / "film_0_base.png").size == Image.open(out / "film_0.jpg").size == (80, 40)


def test_weights_that_were_not_evaluated_give_no_map(tmp_path, images, caplog):
    models = {"base": (tiny_model(tmp_path), "0" * 64), "retrained": (tmp_path / "absent", None)}
    with caplog.at_level(logging.WARNING):
        draw_disagreement(FILMS, images, models, tmp_path / "out")
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"film_0.jpg", "film_1.jpg"}
    assert "no maps of the base model" in caplog.text and "no maps of the retrained model" in caplog.text


def test_a_film_that_cannot_be_read_does_not_end_the_comparison(tmp_path, images, caplog):
    (tmp_path / "1.png").write_bytes(b"no picture")
    draw_disagreement(FILMS, images, {}, tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["film_1.jpg"]
    assert "no picture of case 1" in caplog.text
