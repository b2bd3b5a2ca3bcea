from types import SimpleNamespace

import pytest
from ignite.engine import Engine
from scripts.training.selection import ModelSelection


def validate(selection, epoch, value):
    selection(SimpleNamespace(state=SimpleNamespace(epoch=epoch, metrics={"val_macro_auroc": value})))


@pytest.fixture
def saved():
    return []


@pytest.fixture
def selection(saved):
    return ModelSelection(lambda epoch, metrics: saved.append(epoch), patience=2)


def test_only_better_epochs_are_saved(selection, saved):
    for epoch, value in enumerate([0.6, 0.5, 0.7], start=1):
        validate(selection, epoch, value)
    assert saved == [1, 3] and selection.best_epoch == 3


def test_an_epoch_without_a_metric_never_wins(selection, saved):
    validate(selection, 1, float("nan"))
    assert saved == []


def test_trainer_stops_after_patience(selection):
    trainer = Engine(lambda *_: None)
    selection.set_trainer(trainer)
    for epoch, value in enumerate([0.6, 0.5, 0.6], start=1):
        assert not trainer.should_terminate
        validate(selection, epoch, value)
    assert trainer.should_terminate


def test_state_continues_the_count(selection, saved):
    validate(selection, 1, 0.6)
    again = ModelSelection(lambda epoch, metrics: saved.append(epoch), patience=2)
    again.load_state_dict(selection.state_dict())
    validate(again, 2, 0.55)
    assert saved == [1] and again.waited == 1


def test_the_last_epoch_is_kept_whatever_came_before(saved):
    selection = ModelSelection(lambda epoch, metrics: saved.append(epoch), patience=1, last_epoch=3)
    trainer = Engine(lambda *_: None)
    selection.set_trainer(trainer)
    for epoch, value in enumerate([0.9, 0.8, 0.7], start=1):
        validate(selection, epoch, value)
    assert saved == [3] and (selection.best_epoch, selection.best) == (3, 0.7)
    assert not trainer.should_terminate


def test_a_last_epoch_without_a_metric_is_not_kept(saved):
    selection = ModelSelection(lambda epoch, metrics: saved.append(epoch), last_epoch=1)
    validate(selection, 1, float("nan"))
    assert saved == [] and selection.best_epoch == 0


def test_accuracy_chooses_if_the_settings_of_the_paper_ask_for_it_and_other_metrics_are_refused(saved):
    selection = ModelSelection(lambda epoch, metrics: saved.append(epoch), metric="val_accuracy")
    for epoch, accuracy in enumerate([0.9, 0.8, 0.95], start=1):
        metrics = {"val_macro_auroc": 1 - accuracy, "val_accuracy": accuracy}
        selection(SimpleNamespace(state=SimpleNamespace(epoch=epoch, metrics=metrics)))
    assert saved == [1, 3] and selection.best == 0.95
    with pytest.raises(ValueError, match="selection_metric"):
        ModelSelection(lambda epoch, metrics: None, metric="val_loss")
