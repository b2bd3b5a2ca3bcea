"""Super-resolution of one region, in the order of the flow.

``enhancer``            the interface, and the one degradation operator
``data_consistency``    keeps what was measured
``interpolation``       what bicubic and Lanczos interpolation share
``identity``            the region itself
``native``              the pixels of the source, where they are finer
``bicubic``             bicubic interpolation
``lanczos``             Lanczos interpolation
``residual``            a small regression network
``gain``                how much of the sampled detail is added
``diffusion_sampling``  the loop of a diffusion
``latent_decoding``     latents to pixels, in tiles where they are large
``latent_diffusion``    latent diffusion (the paper's)
``resshift``            residual shifting in four steps
``inverse``             search for the latents that explain the region (InverseSR)
``guided``              transformers guided by the surroundings, any scale (TnTViT-G)
``batching``            smaller batches where memory ends
``registry``            an enhancer by its name
"""
