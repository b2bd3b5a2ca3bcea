import pytest
import torch
from scripts.training import data_parallel
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
