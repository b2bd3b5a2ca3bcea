"""Takes away what only POSIX systems have, before anything else is imported, in a process and in its children.

What the standard library and torch themselves need on Linux stays, such as ``signal.SIGKILL``. ``filelock`` keeps its
``fcntl``: on Windows it has another lock. ``psutil``, which transformers imports where it is installed, keeps its
``resource``. ``huggingface_hub`` imports ``tty`` and ``termios`` wherever the system is not called Windows;
here, ``termios`` is empty.
"""

import builtins
import contextlib
import io
import mmap
import os
import signal
import socket
import sys
import tty  # noqa: F401
from types import ModuleType

from filelock import FileLock  # noqa: F401
from posix_only import MODULES, OS

with contextlib.suppress(ImportError):
    import psutil  # noqa: F401
for name in MODULES:
    sys.modules[name] = None
sys.modules["termios"] = ModuleType("termios")
for module, names in (
    (os, OS),
    (signal, ("setitimer", "getitimer", "alarm", "SIGALRM", "SIGPROF", "ITIMER_PROF", "ITIMER_REAL", "pthread_kill")),
    (socket, ("send_fds", "recv_fds")),
    (mmap, [name for name in vars(mmap) if name.startswith(("MADV_", "MAP_ANON", "MAP_POP"))]),
):
    for name in names:
        if hasattr(module, name):
            delattr(module, name)


def without_proc(function):
    """The function, for which ``/proc`` does not exist."""

    def call(path, *arguments, **options):
        if isinstance(path, str | os.PathLike) and os.fspath(path).startswith("/proc/"):
            raise FileNotFoundError(2, "No such file or directory", os.fspath(path))
        return function(path, *arguments, **options)

    return call


io.open = builtins.open = without_proc(io.open)
os.stat = without_proc(os.stat)
