import pytest
import torch
from scripts.enhancement.registry import ENHANCERS, make_enhancer

from .tiny_ldm import write_tiny_ldm


@pytest.mark.parametrize("name", ENHANCERS)
def test_every_name_makes_its_enhancer(name, tmp_path):
    enhancer = make_enhancer(name, folder=write_tiny_ldm(tmp_path), steps=2)
    assert enhancer.name == name
    image = torch.rand(1, 1, 8, 8)
    size = 8 if enhancer.needs_native else 8 * enhancer.scale
    assert enhancer.enhance(image, generators=[torch.Generator()]).shape == (1, 1, size, size)


def test_unknown_name_is_refused(tmp_path):
    with pytest.raises(ValueError, match="identity, bicubic, native, ldm"):
        make_enhancer("bilinear", folder=tmp_path)
