import copy
import os
from datetime import timedelta

import pytest
import torch
from scripts.training import compiled, data_parallel, join_processes
from scripts.training.parallel import agreed
from torch.nn.parallel import DistributedDataParallel


@pytest.fixture
def one_process(tmp_path):
    torch.distributed.init_process_group("gloo", init_method=f"file://{tmp_path}/store", rank=0, world_size=1)
    yield
    torch.distributed.destroy_process_group()


def test_only_a_network_that_is_trained_is_wrapped(one_process):
    network = torch.nn.Linear(2, 2)
    assert isinstance(data_parallel(network.train()), DistributedDataParallel)
    assert data_parallel(network.eval()) is network


def test_processes_without_gpus_wait_as_long_as_is_set(tmp_path, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    found = {}
    monkeypatch.setattr("torch.distributed.init_process_group", lambda backend, **kind: found.update(kind, of=backend))
    join_processes(90)
    assert found == {"of": "gloo", "timeout": timedelta(minutes=90)}


@pytest.fixture
def two_gpus(monkeypatch):
    """Two GPUs that only record what is asked of them, in its order."""
    asked = []
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)
    monkeypatch.setattr("torch.cuda.set_device", lambda device: asked.append(("current", str(device))))
    monkeypatch.setattr(
        "torch.distributed.init_process_group",
        lambda backend, **kind: asked.append((backend, str(kind["device_id"]))),
    )
    return asked


def test_a_process_takes_its_gpu_before_it_joins_the_others(two_gpus, monkeypatch):
    monkeypatch.setenv("LOCAL_RANK", "1")
    join_processes(1)
    assert two_gpus == [("current", "cuda:1"), ("nccl", "cuda:1")]


def test_under_slurm_a_process_is_not_taken_for_the_launcher(two_gpus, monkeypatch):
    for name, value in {"LOCAL_RANK": "1", "SLURM_JOB_ID": "7", "SLURM_LOCALID": "0"}.items():
        monkeypatch.setenv(name, value)
    join_processes(1)
    assert os.environ["SLURM_LOCALID"] == "1"


def test_more_processes_than_gpus_are_refused(two_gpus, monkeypatch):
    monkeypatch.setenv("LOCAL_RANK", "2")
    with pytest.raises(ValueError, match="expected at most 2, found at least 3"):
        join_processes(1)
    assert two_gpus == []


def test_a_decision_is_that_of_rank_0(one_process, monkeypatch):
    def from_rank_0(values, src):
        assert src == 0
        values[0] = 0.75

    assert agreed(0.5) == 0.5
    monkeypatch.setattr("torch.distributed.broadcast_object_list", from_rank_0)
    assert agreed(0.5) == 0.75


def test_a_compiled_network_keeps_its_names_and_its_copy_is_not_compiled(one_process):
    network = torch.nn.Linear(2, 2).train()
    names = list(network.state_dict())
    assert compiled(network, False) is network and network._compiled_call_impl is None
    wrapped = data_parallel(network)
    assert compiled(wrapped, True) is wrapped and wrapped._compiled_call_impl is None
    assert network._compiled_call_impl is not None and list(network.state_dict()) == names
    assert copy.deepcopy(network)._compiled_call_impl is None
