"""Answers of HTTP servers that others run (Azure, built clusters) have a limit: a body is read piece by piece, never more of it."""

from typing import Any

import aiohttp

MOST = 16 << 20
"""Bytes of one answer after decompression. A page of Resource Manager or of a cluster's API has a few megabytes at most."""


class AnswerTooLarge(aiohttp.ClientPayloadError):
    """A body beyond the limit."""


class BoundedResponse(aiohttp.ClientResponse):
    """An answer whose `read` raises AnswerTooLarge instead of reading more than `most` bytes, and ends the connection."""

    most = MOST

    async def read(self) -> bytes:
        """Read the whole body."""
        if self._body is None:
            pieces: list[bytes] = []
            left = self.most
            async for piece in self.content.iter_any():
                pieces.append(piece)
                left -= len(piece)
                if left < 0:
                    self.close()
                    raise AnswerTooLarge(f"the answer is larger than {self.most} bytes")
            self._body = b"".join(pieces)
        return await super().read()


SESSION_OPTIONS: dict[str, Any] = {"response_class": BoundedResponse}
"""Keyword arguments of aiohttp.ClientSession; kubernetes' Configuration takes them as `client_session_kwargs`."""
