"""Training of the enhancers on crops of radiographs, in the order of the flow.

``settings``            settings of the training
``training_crops``      radiographs of a datalist -> high-resolution crops
``training_films``      radiographs of a datalist -> films of the size of a classifier's input
``degradation``         high -> low resolution, with or without a detector model
``batches``             random crops in random orientation, with their reduced versions
``stage``               training loop of a stage: budget, schedule, checkpoint, exact resume
``run``                 data, model folder and optimizer that all stages use
``validation_metrics``  PSNR and SSIM on held-out crops; panel of example crops
``train_regression``    stage ``regression``: small regression network
``train_task``          stage ``task``: the regression network, trained further through a frozen classifier
``train_autoencoder``   stage ``autoencoder``: VQ autoencoder of the residual of the regression network
``train_diffusion``     stage ``diffusion``: network that predicts latents
``train_resshift``      stage ``resshift``: residual shifting in four steps
``train_guided``        stage ``guided``: guided network
``sr_training``         all stages, from the datalist to the model folder
"""

from .degradation import Degradation
from .settings import SrSettings
from .sr_training import SuperResolutionTraining, train_sr

__all__ = ["Degradation", "SrSettings", "SuperResolutionTraining", "train_sr"]
