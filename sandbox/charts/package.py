"""Packages the sandbox's charts, as `--charts DIR` wants them. Run as `python -m sandbox.charts.package DIR`."""

import hashlib
import subprocess
import sys
from pathlib import Path

from sandbox.kubernetes.binaries import cache_root, find

HERE = Path(__file__).parent


def charts() -> list[Path]:
    """The chart directories."""
    return sorted(path.parent for path in HERE.glob("*/Chart.yaml"))


def package(helm: Path, directory: Path) -> None:
    """Write one archive a chart into the directory. Raises CalledProcessError with helm's words."""
    for chart in charts():
        package_one(helm, chart, directory)


def package_one(helm: Path, chart: Path, directory: Path) -> None:
    """Write the archive of a chart into the directory. Raises CalledProcessError with helm's words."""
    directory.mkdir(parents=True, exist_ok=True)
    subprocess.run([str(helm), "package", str(chart), "--destination", str(directory)], check=True, capture_output=True)


def packaged(helm: Path) -> Path:
    """A directory with all of them, made once for their content."""
    digest = hashlib.sha256()
    for chart in charts():
        for path in sorted(p for p in chart.rglob("*") if p.is_file()):
            digest.update(path.relative_to(HERE).as_posix().encode() + path.read_bytes())
    directory = cache_root() / f"charts-{digest.hexdigest()[:12]}"
    if not directory.exists():
        partial = directory.with_suffix(".partial")
        package(helm, partial)
        partial.rename(directory)
    return directory


if __name__ == "__main__":
    package(find().path("helm"), Path(sys.argv[1]))
