"""Networks of the enhancers, in the order of the flow.

``weight_folder``              writing and strict loading of a network: config.json and safetensors
``padding``                    padding to sizes that a network can halve
``regression_network``         small convolutional network
``block_autoencoder``          VQ autoencoder of the residual of the regression network
``coding``                     content of the latents: the whole image, or the residual
``latent_diffusion_networks``  parts of a latent diffusion model, checked for consistency
``guided_network``             network for guided super-resolution at any scale
"""
