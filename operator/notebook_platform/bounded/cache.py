"""Cache parsed documents: reconciles read the same documents again and again, and they rarely change."""

import hashlib
from collections import OrderedDict
from typing import Any

from notebook_platform.bounded.documents import DEFAULT, Budget, DocumentRefused, measure, read_yaml

MOST = 64 << 20

NODE_BYTES = 100
"""What a value takes in memory, on average. A short text with aliases has many values."""


class YamlCache:
    """The values of YAML texts by digest, with the least recently used evicted. `most` is in bytes of memory, estimated from the text and
    its values. Values are shared: do not change them."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._held = 0
        self._known: OrderedDict[tuple[bytes, Budget], tuple[int, Any]] = OrderedDict()

    async def read(self, text: str, budget: Budget = DEFAULT) -> Any:
        """Parse as `read_yaml` does. Raises DocumentRefused, also again for a text that it was raised for before."""
        size = len(text)
        if size > budget.bytes:
            return await read_yaml(text, budget)
        key = hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=16).digest(), budget
        if key not in self._known:
            try:
                value: Any = await read_yaml(text, budget)
                size += NODE_BYTES * measure(value, budget)
            except DocumentRefused as refused:
                value = refused
            if key not in self._known:
                self._known[key] = size, value
                self._held += size
        self._known.move_to_end(key)
        _, value = self._known[key]
        while self._held > self._most:
            _, (evicted, _) = self._known.popitem(last=False)
            self._held -= evicted
        if isinstance(value, DocumentRefused):
            raise type(value)(*value.args)
        return value
