"""Networks of the enhancers, in the order of the flow.

``weight_folder``              saves and strictly loads a network: config.json and safetensors
``padding``                    sizes that a network can halve
``regression_network``         the small convolutional network
``block_autoencoder``          VQ autoencoder of what the regression network left over
``coding``                     what a latent diffusion codes: the whole image, or that residual
``latent_diffusion_networks``  all parts of a latent diffusion model, checked against one another
``guided_network``             two streams of transformers in transformers, any scale
"""
