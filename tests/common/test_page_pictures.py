import io

import numpy as np
from PIL import Image
from scripts.common.page_pictures import difference_picture, grey_picture, jpeg_file, map_file, reduced


def test_a_radiograph_keeps_its_grey_values_and_its_proportions():
    picture = reduced(grey_picture(np.full((100, 50), 0.5)), 20)
    opened = Image.open(io.BytesIO(jpeg_file(picture)))
    assert opened.size == (10, 20) and abs(np.asarray(opened).mean() - 127.5) < 2


def test_a_map_is_transparent_where_it_is_low_and_brightest_where_it_is_high():
    values = np.array([[0.2, 0.5, 0.8]])
    colours = np.asarray(Image.open(io.BytesIO(map_file(values))).convert("RGBA"), dtype=int)[0]
    assert colours[0, 3] == 0 and 0 < colours[1, 3] < colours[2, 3] == 255
    assert colours[0, :3].sum() < colours[1, :3].sum() < colours[2, :3].sum()


def test_a_difference_is_blue_white_and_red():
    darker, equal, brighter = np.asarray(difference_picture(np.array([[-1.0, 0.0, 1.0]])), dtype=int)[0]
    assert darker[2] > darker[0] and equal.min() > 240 and brighter[0] > brighter[2]
