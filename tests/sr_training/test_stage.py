import pytest
import torch
from scripts.sr_training.run import Average
from scripts.sr_training.stage import Budget, _rate_factor, run_stage


class Killed(BaseException):
    """Stands for ``kill -9``."""


def train(path, steps, settings=None, kill_at=None, save_each_step=False, monkeypatch=None, loss_factor=1.0):
    torch.manual_seed(0)
    network = torch.nn.Linear(3, 1)
    optimizer = torch.optim.AdamW(network.parameters())
    average = Average(network, 0.9)
    done = []

    def step(generator, progress):
        if kill_at is not None and len(done) == kill_at:
            raise Killed
        done.append(progress)
        return {"loss": loss_factor * network(torch.randn(4, 3, generator=generator)).square().mean()}

    run_stage(
        "toy",
        {"network": network, "optimizer": optimizer, "average": average},
        step,
        budget=Budget(minutes=10.0, steps=steps),
        learning_rate=0.1,
        path=path,
        settings=settings or {"crop_size": 32},
        seed=0,
        log=lambda metrics, step: None,
    )
    return torch.cat([network.weight, average.network.weight]).detach(), done


def test_killed_and_continued_gives_the_same_weights(tmp_path, monkeypatch):
    whole, done = train(tmp_path / "whole.pt", 12)
    assert len(done) == 12
    monkeypatch.setattr("scripts.sr_training.stage._SAVE_SECONDS", 0.0)
    with pytest.raises(Killed):
        train(tmp_path / "killed.pt", 12, kill_at=5)
    continued, done = train(tmp_path / "killed.pt", 12)
    assert len(done) == 7
    assert torch.equal(whole, continued)


def test_finished_stage_does_nothing(tmp_path):
    weights, _ = train(tmp_path / "state.pt", 3)
    again, done = train(tmp_path / "state.pt", 3)
    assert not done and torch.equal(weights, again)


def test_average_lags_behind_the_weights(tmp_path):
    weights, _ = train(tmp_path / "state.pt", 30)
    network, average = weights
    start, _ = train(tmp_path / "other.pt", 1)
    assert not torch.equal(network, average)
    assert (average - network).norm() < (start[0] - network).norm()


def test_progress_is_in_the_log(tmp_path, caplog, monkeypatch):
    monkeypatch.setattr("scripts.sr_training.stage._SAVE_SECONDS", 0.0)
    with caplog.at_level("INFO"):
        train(tmp_path / "state.pt", 4)
    assert "toy: step 3, 50 %, loss" in caplog.text and "4 steps" in caplog.text


def test_other_settings_are_rejected(tmp_path):
    train(tmp_path / "state.pt", 2)
    with pytest.raises(ValueError, match="crop_size: expected 64, found 32"):
        train(tmp_path / "state.pt", 2, settings={"crop_size": 64})


def test_a_non_finite_loss_stops_the_training(tmp_path):
    with pytest.raises(ValueError, match="loss is not finite"):
        train(tmp_path / "state.pt", 2, loss_factor=float("nan"))


def test_budget_ends_by_time_or_steps():
    assert Budget(minutes=2.0).progress(5, 60.0) == 0.5
    assert Budget(minutes=2.0, steps=10).progress(10, 1.0) == 1.0
    assert Budget(minutes=0.0).progress(0, 0.0) == 1.0


def test_rate_rises_then_falls():
    assert _rate_factor(0.0) < _rate_factor(0.03) == pytest.approx(1.0)
    assert _rate_factor(1.0) == pytest.approx(0.02)
