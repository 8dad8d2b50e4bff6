"""Stand-ins of the management cluster that keep their objects in memory."""

from collections.abc import Callable, Mapping

from notebook_platform.engine.outcome import StepError

from sandbox.azure.world import CLIENT_ID, CLIENT_SECRET, TENANT


class Secrets:
    """A namespace's Secrets in memory, with SecretStore's interface."""

    def __init__(self) -> None:
        credentials = {"tenantId": TENANT, "clientId": CLIENT_ID, "clientSecret": CLIENT_SECRET}
        self.data: dict[str, dict[str, str]] = {"azure-credentials": credentials}
        self.orphaned: set[str] = set()

    async def get(self, name: str) -> Mapping[str, str] | None:
        return self.data.get(name)

    async def read(self, name: str, *keys: str, field: str) -> Mapping[str, str]:
        if name not in self.data:
            raise StepError("SecretNotFound", f"{field} names the Secret {name!r}, which does not exist", "Create it.")
        return self.data[name]

    async def own(self, name: str, *, orphaned: bool = True) -> Mapping[str, str] | None:
        return None if name in self.orphaned and not orphaned else self.data.get(name)

    async def compare(self, name: str, data: Callable[[], Mapping[str, str]], *, basis: int) -> str:
        return "missing" if name not in self.data else "current" if self.data[name] == data() else "different"

    async def redact_from_now_on(self, name: str, data: Mapping[str, str]) -> None:
        pass

    async def apply(self, name: str, data: Mapping[str, str], *, hidden: Mapping[str, str] | None = None) -> None:
        self.data[name] = dict(data)

    async def delete(self, name: str) -> None:
        self.data.pop(name, None)
