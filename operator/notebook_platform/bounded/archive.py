"""Unpack gzip of untrusted origin. The output has a limit too, since 300 kB of gzip can hold 300 MB."""

import zlib
from functools import partial

from notebook_platform.bounded.documents import DocumentRefused, DocumentTooLarge, beside_the_loop

_GZIP = 16 + zlib.MAX_WBITS


def gunzip(data: bytes, most: int) -> bytes:
    """Unpack one gzip member of at most `most` bytes. Raises DocumentRefused for more, for truncated data and for anything
    else."""
    unpacker = zlib.decompressobj(_GZIP)
    try:
        found = unpacker.decompress(data, most + 1)
    except zlib.error:
        raise DocumentRefused("it is not valid gzip") from None
    if len(found) > most:
        raise DocumentTooLarge(f"it is larger than {most} bytes when unpacked")
    if not unpacker.eof or unpacker.unused_data:
        raise DocumentRefused("it is not valid gzip: its end is missing, or more follows")
    return found


async def read_gzip(data: bytes, most: int) -> bytes:
    """Unpack as `gunzip` does, in a thread."""
    return await beside_the_loop(len(data), partial(gunzip, data, most))
