"""Sources of charts: archives on disk first, then repositories that the operator's configuration allows."""

from dataclasses import dataclass
from pathlib import Path

from notebook_platform.api.reasons import Reason
from notebook_platform.engine.outcome import StepError

OCI = "oci://"
"""https://helm.sh/docs/topics/registries/"""


@dataclass(frozen=True, kw_only=True)
class ChartRef:
    """The chart reference for Helm: an archive, a name in a repository, or an OCI reference. `digest`: the required digest of
    the package; `field`: the part of the spec that names the chart."""

    name: str
    version: str
    reference: str
    repository: str | None = None
    is_archive: bool = False
    digest: str | None = None
    field: str = ""


@dataclass(frozen=True, kw_only=True)
class ChartSource:
    """`directory` holds archives (`name-version.tgz`); `repository` is used when a resource names none; empty: no repository."""

    directory: Path | None
    repository: str
    allowed: tuple[str, ...] = ()

    def find(self, name: str, version: str, repository: str | None, field: str, digest: str | None = None) -> ChartRef:
        """Return the chart of that name and version. Raises StepError (RepositoryNotAllowed, ChartNotFound), naming `field`."""
        if repository and repository.rstrip("/") not in {known.rstrip("/") for known in self.allowed}:
            raise StepError(
                Reason.REPOSITORY_NOT_ALLOWED,
                f"{field}.repository names {repository}, which the operator's configuration does not allow",
                "Ask the operator's administrator to add it to allowed_chart_repositories, or remove the field.",
            )
        if not repository and self.directory and (archive := self.directory / f"{name}-{version}.tgz").exists():
            return ChartRef(name=name, version=version, reference=str(archive), is_archive=True, digest=digest, field=field)
        chosen = repository or self.repository
        if not chosen:
            existing = ", ".join(self.versions(name)) or "none"
            raise StepError(
                Reason.CHART_NOT_FOUND,
                f"{field}.version {version}: the operator has no chart {name} of this version; available: {existing}",
                f"Set {field}.version to one of those, or ask the operator's administrator to configure a chart repository.",
            )
        if chosen.startswith(OCI):
            return ChartRef(name=name, version=version, reference=f"{chosen.rstrip('/')}/{name}", digest=digest, field=field)
        return ChartRef(name=name, version=version, reference=name, repository=chosen, digest=digest, field=field)

    def versions(self, name: str) -> list[str]:
        """Return the versions of a chart on disk."""
        found = sorted(self.directory.glob(f"{name}-*.tgz")) if self.directory else []
        return [path.name.removeprefix(f"{name}-").removesuffix(".tgz") for path in found]
