"""Keeping the memory that a program gives back and asks for again many times a second."""

import ctypes
from typing import Final

_TRIM_THRESHOLD: Final = -1
_TOP_PAD: Final = -2
_MMAP_THRESHOLD: Final = -3
_MIB: Final = 1 << 20


def keep_freed_memory() -> None:
    """Have glibc keep freed arrays for the next ones (mallopt(3)); with another C library nothing happens.

    Left alone it returns an array of a few hundred kilobytes to the kernel, which must clear the same pages again a
    millisecond later: up to half of the detector's time. It costs at most the memory of the largest batch.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError, TypeError):
        return
    for parameter, value in ((_MMAP_THRESHOLD, 32 * _MIB), (_TRIM_THRESHOLD, 256 * _MIB), (_TOP_PAD, 16 * _MIB)):
        mallopt(parameter, value)
