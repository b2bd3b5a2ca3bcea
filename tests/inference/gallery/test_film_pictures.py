import io

import numpy as np
import pytest
import torch
from PIL import Image
from scripts.inference.gallery.film_pictures import film_pictures
from scripts.super_resolution.region_enhancer import EnhancedRegions
from scripts.super_resolution.regions import Region

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


def noisy(**changes):
    """A film of white noise, which JPEG cannot compress, with four regions of white noise."""
    rng = np.random.default_rng(0)
    image = rng.random((1100, 1024)).astype(np.float32)
    boxes = [(row, column, row + 384, column + 384) for row in (0, 500) for column in (0, 500)]
    crops = [torch.from_numpy(image)[None, row0:row1, col0:col1] for row0, col0, row1, col1 in boxes]
    regions = [Region(*box) for box in boxes]
    enhanced = EnhancedRegions(torch.from_numpy(image)[None], regions, crops, crops, crops, 1.0, [], 0)
    content = {"image": image, "attention_map": image, "label_maps": rng.random((14, 24, 24)).astype(np.float32)}
    content |= {"regions": boxes, "region_labels": [None] * 4, "enhanced_regions": enhanced}
    return prediction(**{**content, **changes})


def weight(pictures: dict[str, bytes]) -> float:
    """Bytes of all pictures as the page contains them."""
    return sum(map(len, pictures.values())) * 4 / 3


def test_noisy_film_weighs_no_more_than_a_film_may_and_has_all_its_pictures():
    pictures, _ = film_pictures(noisy())
    assert weight(pictures) <= 400_000
    assert len(pictures) == 1 + 1 + 15 + 4 * 4
    film, region = opened(pictures["film.jpg"]), opened(pictures["region_3_enhanced.jpg"])
    assert min(film.size) >= 190 and min(region.size) >= 76  # smaller, and still a picture


def test_film_that_compresses_well_is_not_made_smaller():
    smooth = np.linspace(0, 0.7, 1100, dtype=np.float32)[:, None].repeat(1024, 1)
    pictures, _ = film_pictures(noisy(image=smooth, enhanced_regions=None))
    assert opened(pictures["film.jpg"]).size == (953, 1024) and weight(pictures) < 200_000
