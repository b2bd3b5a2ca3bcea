"""Attention-guided super-resolution, in the order of the flow.

``regions``           attention map -> boxes, and the control selectors
``enhancer``          the interface, and the one degradation operator
``identity`` ``bicubic`` ``native`` ``ldm``   enhancers
``registry``          enhancers by name
``sampling``          the latent diffusion loop
``data_consistency``  keep what was measured
``paste``             back at the original size, or on a larger canvas
``fidelity``          PSNR and SSIM, in the region and in full, against input and truth
``enhance_image``     one image through all of these
``enhance_dataset``   a data set: batches, resume, shards, manifest
``training``          train the latent diffusion model
"""
