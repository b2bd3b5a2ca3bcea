from .conformant import source_file

__all__ = ["source_file"]
