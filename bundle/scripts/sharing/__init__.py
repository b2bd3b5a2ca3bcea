"""A model for others: on the Hugging Face hub, and in the formats of other programs.

``model_card``        README.md of a published model
``pushing``           model folder -> repository of the hub
``exported_model``    runs an exported model
``exporting``         model folder -> ONNX, TorchScript or OpenVINO, checked
``sharing_commands``  the subcommands ``push`` and ``export``
"""
