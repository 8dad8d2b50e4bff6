"""The heap of the operator's process: how it collects garbage and returns memory, chosen for many platforms that rest.

`run` calls both functions at the start.
"""

import ctypes
import gc

COLLECT_AFTER = 10_000
"""New container objects after which the youngest are collected. With Python's 700 a reconcile would collect a hundred times."""

M_MMAP_THRESHOLD, M_ARENA_MAX = -3, -8
"""Parameters of glibc's mallopt (https://man7.org/linux/man-pages/man3/mallopt.3.html)."""

MAPPED_FROM = 192 * 1024
"""Bytes. A larger block is returned to the system when it is freed: a TLS connection has a buffer of 256 KiB. zlib's largest block, 128 KiB, is
used too often for that."""

ARENAS = 2
"""Heaps of glibc. By default each thread gets one, up to eight for each core, and keeps what it frees."""


def return_freed_memory() -> None:
    """Have glibc return large blocks to the system; call it before there are threads. Another C library keeps its own ways."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(M_MMAP_THRESHOLD, MAPPED_FROM)
        mallopt(M_ARENA_MAX, ARENAS)


def keep_loaded() -> None:
    """Exempt what the start has loaded from garbage collection, and collect less often.

    Modules and models are 360,000 containers that never become garbage. A collection that visits them blocks the event loop for half a
    second.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(COLLECT_AFTER, 10, 10)
