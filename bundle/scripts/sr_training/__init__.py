"""Training of the enhancers on crops of radiographs, in the order of the flow.

``settings``            what a training is made of, checked
``training_crops``      radiographs of a datalist -> high-resolution crops
``degradation``         high -> low resolution: antialiased, or as a detector would
``batches``             random crops in random orientation, beside their reduced versions
``stage``               one stage: budget, schedule, average, checkpoint, exact resume
``run``                 what the stages share: data, parts of the model folder, training of one network
``validation_metrics``  PSNR and SSIM on held-out crops, beside bicubic; panels
``train_regression``    stage: the small regression network
``train_autoencoder``   stage: VQ autoencoder of what the regression network left over
``train_diffusion``     stage: the network that predicts latents; refuses an autoencoder with a low ceiling
``train_resshift``      stage: residual shifting in four steps
``train_guided``        stage: the guided network
``sr_training``         all of it, to a model folder
"""

from .degradation import Degradation
from .settings import SrSettings
from .sr_training import SuperResolutionTraining, train_sr

__all__ = ["Degradation", "SrSettings", "SuperResolutionTraining", "train_sr"]
