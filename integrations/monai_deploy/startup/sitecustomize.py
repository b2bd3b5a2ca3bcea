"""Let the MONAI Deploy App SDK 4.0.0 run over the project's environment and without a GPU; run by Python at its start.

* Its packages lie in an environment of their own, over ``.venv``: ``monai.deploy`` is a part of the regular package
  ``monai``, so Python looks for it only where monai itself is.
* holoscan 4.6.0 links against the CUDA runtime even where there is no GPU; the wheel ``nvidia-cuda-runtime`` has it,
  in a folder that the dynamic linker does not search.
"""

import ctypes
import sysconfig
from pathlib import Path

import monai

packages = Path(sysconfig.get_paths()["purelib"])
monai.__path__.append(str(packages / "monai"))
ctypes.CDLL(str(packages / "nvidia" / "cu13" / "lib" / "libcudart.so.13"), mode=ctypes.RTLD_GLOBAL)
