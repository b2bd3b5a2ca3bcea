"""Train the latent diffusion enhancer on radiograph crops, in the order of the flow.

``crops``             radiographs of a datalist -> high-resolution crops, batches
``stage``             one training stage: budget, schedule, checkpoint, exact resume
``autoencoder``       VQ autoencoder (x4) with a codebook that stays in use
``diffusion``         the network that predicts latents from the low-resolution crop
``decoder``           the decoder learns what sampled latents look like
``figures``           PSNR and SSIM on held-out crops, beside bicubic
``super_resolution``  all of it, to a diffusers folder
"""

from .super_resolution import SuperResolutionTraining, train_sr

__all__ = ["SuperResolutionTraining", "train_sr"]
