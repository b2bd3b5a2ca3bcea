"""Handlers and other parts for MONAI's ``SupervisedTrainer``, in the order in which a run uses them.

``split_labels``    checks that the splits have the labels that training needs
``prevalence``      share of positives per label, for the initial bias of the head
``image_sampler``   order of the images in an epoch
``precision``       autocast in fp32, bf16 or fp16, chosen by the hardware
``schedule``        learning rate: warm-up, then cosine
``seeding``         one random state per seed, epoch and rank, so that a resumed run is exact
``averaging``       exponential moving average of the weights
``guard``           stops training at a loss that is not finite
``map_training``    batches and loss of a network whose maps learn from boxes
``validation``      loss and accuracy beside the key metric
``selection``       best model by validation macro-AUROC; early stopping
``best_model``      the selected network as a model folder
``history``         one CSV row per epoch
``record``          run_report.json and the MLflow run
``engine_progress``  progress of an engine
``parallel``        wraps a network for distributed training
``attached``        attaches handlers by reference
``checkpoint``      atomic save and exact resume
"""

from .attached import Attached
from .averaging import WeightAverage
from .best_model import BestModel
from .checkpoint import TrainingCheckpoint
from .engine_progress import EngineProgress
from .guard import NonFiniteLossGuard
from .history import EpochHistory
from .image_sampler import make_sampler
from .map_training import MapTraining
from .parallel import data_parallel
from .precision import AutocastInferer, resolve_precision
from .prevalence import label_prevalence
from .record import RunRecord
from .schedule import WarmupCosine
from .seeding import EpochSeed
from .selection import ModelSelection
from .split_labels import check_labels_of_splits
from .validation import validation_metrics

__all__ = [
    "Attached",
    "AutocastInferer",
    "BestModel",
    "EngineProgress",
    "EpochHistory",
    "EpochSeed",
    "MapTraining",
    "ModelSelection",
    "NonFiniteLossGuard",
    "RunRecord",
    "TrainingCheckpoint",
    "WarmupCosine",
    "WeightAverage",
    "check_labels_of_splits",
    "data_parallel",
    "label_prevalence",
    "make_sampler",
    "resolve_precision",
    "validation_metrics",
]
