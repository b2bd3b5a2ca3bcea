"""Super-resolution methods for regions, one file per method.

``enhancer``            interface of all enhancers
``data_consistency``    correction of a result until it reduces to its input
``interpolation``       base class of bicubic and Lanczos interpolation
``identity``            the unchanged region
``native``              the region at the resolution of the source image
``bicubic``             bicubic interpolation
``lanczos``             Lanczos interpolation
``residual``            a small regression network
``gain``                factor of the sampled detail
``diffusion_sampling``  sampling loop of latent diffusion
``latent_decoding``     latents to pixels, in tiles for large regions
``latent_diffusion``    latent diffusion, the method of the paper
``resshift``            residual shifting in four steps
``inverse``             posterior sampling, a diffusion as the prior (after InverseSR)
``guided``              transformers guided by the surroundings, any scale (after TnTViT-G)
``batching``            batches of regions, made smaller when memory runs out
``registry``            enhancers by name
"""
