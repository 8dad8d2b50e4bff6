"""Read Secrets for a plan: the real ones, and what the plan would have written."""

from collections.abc import Callable, Mapping

from notebook_platform.kube.secrets import Contents, SecretStore


class ReadOnlySecrets(SecretStore):
    """A store for plans: reads the real Secrets, and holds writes in memory for the rest of the plan."""

    def __init__(self, real: SecretStore) -> None:
        self._real = real
        self.platform = real.platform
        self.redactor = real.redactor
        self._kept: dict[str, Mapping[str, str] | None] = {}

    async def get(self, name: str) -> Mapping[str, str] | None:
        """Return the data that the Secret would hold."""
        return self._kept[name] if name in self._kept else await self._real.get(name)

    async def own(self, name: str, *, orphaned: bool = True, plain: bool = False) -> Mapping[str, str] | None:
        """Return the data that the Secret would hold. Raises StepError (SecretNameTaken)."""
        return self._kept[name] if name in self._kept else await self._real.own(name, orphaned=orphaned, plain=plain)

    async def compare(self, name: str, data: Callable[[], Mapping[str, str]], *, basis: int) -> Contents:
        """Compare with the data that the Secret would hold. Raises StepError (SecretNameTaken)."""
        if name not in self._kept:
            return await self._real.compare(name, data, basis=basis)
        kept = self._kept[name]
        return "missing" if kept is None else "current" if kept == data() else "different"

    async def config_map(self, name: str, key: str, *, field: str) -> str:
        """Read the real ConfigMap."""
        return await self._real.config_map(name, key, field=field)

    async def apply(
        self, name: str, data: Mapping[str, str], *, type_: str = "Opaque", hidden: Mapping[str, str] | None = None
    ) -> None:
        """Hold the data in memory."""
        await self.redact_from_now_on(name, data if hidden is None else hidden)
        self._kept[name] = dict(data)

    async def delete(self, name: str) -> None:
        """Hold the deletion in memory."""
        self._kept[name] = None
