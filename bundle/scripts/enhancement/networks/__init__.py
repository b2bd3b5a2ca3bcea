"""Networks of the enhancers.

``folder``             save and strictly load a network: ``config.json`` and safetensors
``padding``            sizes that a network can halve
``regression``         the small convolutional network
``block_autoencoder``  VQ autoencoder of what the regression network left over
``coding``             what a latent diffusion codes: the whole image, or that residual
``latent_diffusion``   all parts of a latent diffusion model, checked against one another
``guided``             two streams of transformers in transformers, any scale
"""
