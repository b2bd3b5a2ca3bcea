"""Every generated case is displayed as the standard defines, or rejected with a code. DCMTK is a second reference."""

import shutil
import subprocess

import numpy as np
import pytest
from scripts.dicom import RefusedInput, read_radiograph

from .cases import all_cases
from .synthetic import save

CASES = {case.name: case for case in all_cases()}
ORACLE_CASES = [name for name, case in CASES.items() if case.oracle is not None]


def test_there_are_as_many_cases_as_promised():
    assert len(CASES) == len(all_cases()) >= 80
    assert len({case.dataset.file_meta.TransferSyntaxUID for case in CASES.values() if case.truth is not None}) >= 12


@pytest.mark.parametrize("name", CASES)
def test_case(tmp_path, name):
    case = CASES[name]
    path = save(case.dataset, tmp_path / "x.dcm")
    if case.truth is None:
        with pytest.raises(RefusedInput) as refusal:
            read_radiograph(path, window=case.window)
        assert refusal.value.code == case.code
        assert refusal.value.remedy
        return
    radiograph = read_radiograph(path, window=case.window)
    assert radiograph.image.shape == (1, *case.truth.shape)
    assert radiograph.image.dtype == np.float32
    np.testing.assert_allclose(radiograph.image[0], case.truth, rtol=0, atol=case.atol)
    if case.flag:
        assert case.flag in radiograph.meta["flags"]
    if case.spacing_mm:
        assert radiograph.meta["spacing_mm"] == case.spacing_mm


def program(uid):
    """DCMTK has one decompression program for each family of transfer syntaxes."""
    family = uid.rpartition(".")[2] if uid.startswith("1.2.840.10008.1.2.4.") else ""
    return "dcml2pnm" if family in ("80", "81") else "dcmj2pnm" if family else "dcm2pnm"


@pytest.mark.skipif(shutil.which("dcm2pnm") is None, reason="dcm2pnm (Debian package dcmtk) is not installed")
@pytest.mark.parametrize("name", ORACLE_CASES)
def test_dcmtk_shows_the_same(tmp_path, name):
    case = CASES[name]
    path = save(case.dataset, tmp_path / "x.dcm")
    command = [program(case.dataset.file_meta.TransferSyntaxUID), *case.oracle, "+opw", path, tmp_path / "x.pgm"]
    subprocess.run(command, check=True, capture_output=True)
    words = (tmp_path / "x.pgm").read_text().split("\n", 1)[1]
    numbers = [int(word) for line in words.splitlines() if not line.startswith("#") for word in line.split()]
    width, height, maximum = numbers[:3]
    theirs = np.array(numbers[3:]).reshape(height, width) / maximum
    ours = read_radiograph(path, window=case.window).image[0]
    assert np.abs(ours - theirs).max() < 1 / 255
