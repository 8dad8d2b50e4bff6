"""Packages the sandbox's charts, as `--charts DIR` wants them. Run as `python -m sandbox.charts.package DIR`."""

import hashlib
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml

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
    with tempfile.TemporaryDirectory() as place:
        whole = _with_dependencies(chart, Path(place))
        subprocess.run([str(helm), "package", str(whole), "--destination", str(directory)], check=True, capture_output=True)


def _with_dependencies(chart: Path, place: Path) -> Path:
    """A copy of the chart with the charts it depends on inside: they are charts of ours too."""
    whole = shutil.copytree(chart, place / chart.name)
    for dependency in yaml.safe_load((chart / "Chart.yaml").read_text()).get("dependencies", ()):
        shutil.copytree(HERE / f"{dependency['name']}-{dependency['version']}", whole / "charts" / dependency["name"])
    return whole


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
