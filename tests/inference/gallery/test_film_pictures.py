import io

import numpy as np
import pytest
from PIL import Image
from scripts.inference.gallery.film_pictures import film_pictures

from .films import SIZE, prediction


def opened(content: bytes) -> Image.Image:
    return Image.open(io.BytesIO(content))


@pytest.fixture(scope="module")
def made():
    return film_pictures(prediction())


def test_every_version_of_every_region_and_every_map_has_a_picture(made):
    pictures, regions = made
    versions = [
        f"region_{number}_{name}.jpg" for number in (0, 1) for name in ("native", "input", "enhanced", "difference")
    ]
    assert set(pictures) == {"film.jpg", "thumbnail.jpg", "map.png", "map_0.png", "map_1.png", "map_2.png", *versions}
    assert [region["difference"] for region in regions] == [0.25, 0.25]


def test_pictures_show_the_film_in_its_own_proportions(made):
    pictures, _ = made
    film = np.asarray(opened(pictures["film.jpg"]), float) / 255
    assert film.shape == SIZE and abs(film - prediction().image).max() < 0.04
    assert opened(pictures["thumbnail.jpg"]).size == (77, 96)
    large = prediction(image=np.zeros((3000, 2000), np.float32))
    assert opened(film_pictures(large)[0]["film.jpg"]).size == (683, 1024)


def test_a_map_is_transparent_where_it_is_lowest_and_lies_as_the_film_does(made):
    colours = np.asarray(opened(made[0]["map.png"]).convert("RGBA"))
    assert colours.shape[:2] == (64, 51)
    opacity = colours[..., 3].astype(int)  # the map of the film rises from left to right
    assert opacity[:, 0].max() == 0 and opacity[:, -1].min() == 255 and (np.diff(opacity, axis=1) >= 0).all()


def test_map_without_any_contrast_is_invisible():
    pictures, _ = film_pictures(prediction(attention_map=np.ones(SIZE, np.float32), label_maps=None))
    assert np.asarray(opened(pictures["map.png"]).convert("RGBA"))[..., 3].max() == 0 and "map_0.png" not in pictures


def test_difference_is_red_where_enhancement_made_brighter_and_white_where_it_did_nothing(made):
    colours = np.asarray(opened(made[0]["region_0_difference.jpg"]), int)
    red, white = colours[:, 4:28].mean((0, 1)), colours[:, 36:60].mean((0, 1))
    assert red[0] > red[2] + 40 and white.min() > 235


def test_region_that_failed_has_no_pictures_and_the_other_keeps_its_own():
    one = prediction()
    del one.enhanced_regions.regions[0], one.enhanced_regions.natives[0]
    del one.enhanced_regions.low_res[0], one.enhanced_regions.high_res[0]
    pictures, regions = film_pictures(one)
    assert [region["difference"] for region in regions] == [None, 0.25]
    assert "region_0_native.jpg" not in pictures
    native = np.asarray(opened(pictures["region_1_native.jpg"]), float) / 255
    assert abs(native - one.image[80:144, 40:104]).max() < 0.04


def test_film_of_usual_size_weighs_less_than_the_page_may_give_it():
    rng = np.random.default_rng(0)
    coarse = rng.random((128, 103)).astype(np.float32)
    image = np.kron(coarse, np.ones((20, 20), np.float32))  # harder to compress than a radiograph
    one = prediction(image=image, attention_map=image, label_maps=rng.random((14, 24, 24)).astype(np.float32))
    pictures, _ = film_pictures(one)
    assert sum(map(len, pictures.values())) * 4 / 3 < 400_000
