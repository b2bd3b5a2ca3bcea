"""Handlers and other parts for MONAI's ``SupervisedTrainer``, in the order in which a run uses them.

``split_labels``    checks that the splits have the labels that training needs
``prevalence``      share of positives per label, for the initial bias of the head
``image_sampler``   order of the images in an epoch
``parallel``        several processes that train one network; compiled networks
``precision``       autocast in fp32, bf16 or fp16, chosen by the hardware
``schedule``        learning rate: warm-up, then cosine
``seeding``         one random state per seed, epoch and rank, so that a resumed run is exact
``averaging``       exponential moving average of the weights
``guard``           stops training at a loss that is not finite
``map_training``    batches and loss of a network whose maps learn from boxes
``validation``      loss and accuracy beside the key metric
``selection``       best model by a validation metric; early stopping
``best_model``      the selected network as a model folder
``history``         one CSV row per epoch
``run_report``      versions, settings and configuration of a run, as a file
``record``          class table, run_report.json and the MLflow run
``engine_progress``  progress of an engine
``attached``        attaches handlers by reference
``checkpoint``      atomic save and exact resume
"""

from ..common.lazy_names import lazy_names

__getattr__ = lazy_names(
    __name__,
    split_labels="check_labels_of_splits",
    prevalence="label_prevalence",
    image_sampler="make_sampler",
    precision="AutocastInferer resolve_precision",
    schedule="WarmupCosine",
    seeding="EpochSeed",
    averaging="WeightAverage",
    guard="NonFiniteLossGuard",
    map_training="MapTraining",
    validation="validation_metrics",
    selection="ModelSelection",
    best_model="BestModel",
    history="EpochHistory",
    record="RunRecord",
    engine_progress="EngineProgress",
    parallel="compiled data_parallel join_processes",
    attached="Attached",
    checkpoint="TrainingCheckpoint",
)
