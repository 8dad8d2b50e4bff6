"""The simulated time: it runs `speed` times as fast as the real one, and tests can move it forward."""

import asyncio
import time
from datetime import UTC, datetime, timedelta


class Clock:
    """Starts at the real time."""

    def __init__(self, speed: float) -> None:
        self.speed = speed
        self._start = datetime.now(UTC)
        self._real = time.monotonic()
        self._ahead = 0.0
        self._moved = asyncio.Event()

    def now(self) -> datetime:
        """The simulated time."""
        return self._start + timedelta(seconds=(time.monotonic() - self._real) * self.speed + self._ahead)

    def advance(self, seconds: float) -> None:
        """Jump forward and wake the sleepers whose time has come."""
        self._ahead += seconds
        self._moved.set()
        self._moved = asyncio.Event()

    def run(self, speed: float) -> None:
        """Run so many times as fast as the real time from now on."""
        self._start, self._real, self._ahead = self.now(), time.monotonic(), 0.0
        self.speed = speed
        self.advance(0)

    async def sleep(self, seconds: float) -> None:
        """Sleep for simulated seconds."""
        end = self.now() + timedelta(seconds=seconds)
        while (left := (end - self.now()).total_seconds()) > 0:
            try:
                await asyncio.wait_for(self._moved.wait(), left / self.speed)
            except TimeoutError:
                continue

    def hint(self, seconds: float) -> dict[str, str]:
        """Return the headers with the time of the next poll. Sped up, only milliseconds are exact enough: a Retry-After of 0 means
        30 seconds to the SDK, and a fraction makes it crash."""
        if self.speed <= 1:
            return {"Retry-After": str(max(1, round(seconds)))}
        return {"retry-after-ms": str(max(20, round(1000 * seconds / self.speed)))}


def stamp(moment: datetime) -> str:
    """RFC 3339, as ARM writes it."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
