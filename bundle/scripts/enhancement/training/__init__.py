"""Train the enhancers on radiograph crops, in the order of the flow.

``settings``          what a training is made of, checked
``crops``             radiographs of a datalist -> high-resolution crops
``degradation``       high -> low resolution: antialiased, or as a detector would
``batches``           random crops in random orientation, beside their reduced versions
``stage``             one training stage: budget, schedule, average, checkpoint, exact resume
``run``               what the stages share: data, parts of the model folder, training of one network
``regression``        stage: the small regression network
``autoencoder``       stage: VQ autoencoder of what the regression left over, with a codebook that stays in use
``diffusion``         stage: the network that predicts latents; refuses an autoencoder with a low ceiling
``resshift``          stage: residual shifting in four steps
``guided``            stage: two streams, any scale
``figures``           PSNR and SSIM on held-out crops, beside bicubic; panels
``super_resolution``  all of it, to a model folder
"""

from .degradation import Degradation
from .settings import SrSettings
from .super_resolution import SuperResolutionTraining, train_sr

__all__ = ["Degradation", "SrSettings", "SuperResolutionTraining", "train_sr"]
