"""What a region offers: versions and VM sizes, from a data file."""

from pathlib import Path

import yaml
from pydantic import BaseModel, ValidationError

DIRECTORY = Path(__file__).parent.parent / "catalog"


class CatalogError(ValueError):
    """A file that is no catalog; the text says why, and what to name instead."""


def supplied() -> list[str]:
    """Return the names of the catalogs beside this package."""
    return sorted(path.stem for path in DIRECTORY.glob("*.yaml"))


class Size(BaseModel):
    """A VM size; memory in GiB."""

    cpu: int
    memory: int
    disks: int
    gpus: int = 0
    zones: list[str] = ["1", "2", "3"]
    closed_zones: list[str] = []
    """Zones that are offered and closed to the subscription."""
    capabilities: dict[str, str] = {}
    """What the list of SKUs tells beside the numbers."""


class Catalog(BaseModel):
    """Versions by minor, sizes by name, vCPU quota of a region."""

    default: str
    versions: dict[str, list[str]]
    sizes: dict[str, Size]
    quota: int
    lts: list[str] = []
    """The minor versions that are offered with long-term support alone."""

    @classmethod
    def load(cls, name_or_path: str | Path | None) -> "Catalog":
        """Return one of those beside this package by name (`today`, `2021`), or that of any file. Raises CatalogError."""
        named = str(name_or_path or "today")
        path = DIRECTORY / f"{named}.yaml" if named in supplied() else Path(named)
        try:
            return cls.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            known = ", ".join(supplied())
            raise CatalogError(f"there is no catalog {named}: name one of {known}, or an existing YAML file") from None
        except OSError as error:
            raise CatalogError(f"the catalog {named} cannot be read: {error.strerror}") from None
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"])) or "the document"
            raise CatalogError(f"{named} is no catalog: {where}: {first['msg']}; {DIRECTORY / 'today.yaml'} is one") from None
        except (UnicodeDecodeError, yaml.YAMLError) as error:
            raise CatalogError(f"the catalog {named} is not YAML: {' '.join(str(error).split())}") from None

    def patch(self, version: str) -> str | None:
        """The patch that `1.34` or `1.34.2` means; None when it is not offered. An empty one is the default."""
        if not version:
            version = self.default
        if version in self.versions:
            return self.versions[version][-1]
        return version if any(version in patches for patches in self.versions.values()) else None

    def size(self, name: str) -> Size | None:
        """A size by name, in any case."""
        return next((size for key, size in self.sizes.items() if key.lower() == name.lower()), None)
