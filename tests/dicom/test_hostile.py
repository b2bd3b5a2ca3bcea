"""Hostile files: mutated files give an image or a rejection, and bombs are rejected before they are expanded.

``benchmarks/dicom_fuzz.py`` does the same with 70,000 mutations, each in a process of its own, and measures time.
"""

import multiprocessing
import resource

import numpy as np
import pytest
from scripts.dicom import RefusedInput, read_radiograph
from scripts.dicom.decode.decoder_pool import DECODER_POOL
from scripts.dicom.read.radiograph import _META_KEYS

from .bombs import BOMBS
from .cases import all_cases
from .mutations import mutate, mutate_frame
from .synthetic import save

# Mutations of whole files, most of which never reach a decoder, and of frames only.
MUTATIONS = {mutate: 2000, mutate_frame: 500}


@pytest.mark.parametrize("change", MUTATIONS, ids=lambda change: change.__name__)
def test_mutations(tmp_path, change, recwarn):
    path, outcomes = tmp_path / "x.dcm", {"read": 0, "refused": 0}
    cases = [case.dataset for case in all_cases() if case.truth is not None]
    if change is mutate_frame:
        cases = [dataset for dataset in cases if dataset.file_meta.TransferSyntaxUID.is_encapsulated]
    seeds = [save(dataset, path).read_bytes() for dataset in cases]
    for number in range(MUTATIONS[change]):
        path.write_bytes(change(seeds[number % len(seeds)], number))
        try:
            radiograph = read_radiograph(path)
        except RefusedInput as refusal:
            assert refusal.remedy
            outcomes["refused"] += 1
            continue
        outcomes["read"] += 1
        assert tuple(radiograph.meta) == _META_KEYS
        assert radiograph.image.dtype == np.float32
        assert radiograph.image.ndim == 3
        assert radiograph.image.min() >= 0, number  # false for NaN
        assert radiograph.image.max() <= 1, number
    # The test is void if all mutated files are rejected, or none.
    assert min(outcomes.values()) > MUTATIONS[change] / 10


def peak_bytes() -> int:
    """Peak memory of this process and of its ended children."""
    return 1024 * sum(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))


def explode(path, results):
    idle = peak_bytes()
    try:
        read_radiograph(path)
        code = "read"
    except RefusedInput as refusal:
        code = refusal.code
    DECODER_POOL.stop()
    results.send((code, peak_bytes() - idle))


@pytest.mark.parametrize("name", BOMBS)
def test_bomb_is_refused_in_little_memory(tmp_path, name):
    make, expected = BOMBS[name]
    make(tmp_path / "bomb.dcm")
    receiver, sender = multiprocessing.Pipe(duplex=False)
    child = multiprocessing.get_context("fork").Process(target=explode, args=(tmp_path / "bomb.dcm", sender))
    child.start()
    code, peak = receiver.recv()
    child.join()
    assert code in expected
    assert peak < 1_000_000_000
