"""Lets the MONAI Deploy App SDK 4.0.0 run on top of the project's environment and without a GPU.

Python imports this module when it starts.

* The SDK is installed in a second environment on top of ``.venv``. ``monai.deploy`` is part of the regular package
  ``monai``, so Python would look for it only in the folder of monai itself.
* holoscan 4.6.0 links against the CUDA runtime even without a GPU. The wheel ``nvidia-cuda-runtime`` contains it, in a
  folder that the dynamic linker does not search.
"""

import ctypes
import sysconfig
from pathlib import Path

import monai

packages = Path(sysconfig.get_paths()["purelib"])
monai.__path__.append(str(packages / "monai"))
ctypes.CDLL(str(packages / "nvidia" / "cu13" / "lib" / "libcudart.so.13"), mode=ctypes.RTLD_GLOBAL)
