"""Attention-guided super-resolution, in the order of the flow.

``regions``           attention map -> boxes, and the control selectors
``enhancer``          the interface, and the one degradation operator
``interpolation``     what bicubic and lanczos share
``identity`` ``bicubic`` ``lanczos`` ``native``        enhancers without weights
``residual`` ``ldm`` ``resshift`` ``inverse`` ``guided``   enhancers with a network
``registry``          enhancers by name
``networks``          what these load: regression, latent diffusion, guided
``sampling``          the latent diffusion loop
``decoding``          latents to pixels, in tiles where they are large
``data_consistency``  keep what was measured
``gain``              how much of the sampled detail is added
``batching``          smaller batches where memory ends
``paste``             back at the original size, or on a larger canvas
``fidelity``          PSNR and SSIM, in the region and in full, against input and truth
``enhance_image``     one image through all of these
``enhance_dataset``   a data set: resume, shards, failures
``manifest``          what is finished
``cost``              seconds and memory of a piece of work
``forecast``          what a data set will cost, measured on a few images
``workflow``          the enhancing workflow, with MLflow and example figures
``training``          train the networks
``judging``           enhancers against a known truth
"""
