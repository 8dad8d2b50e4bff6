"""Wrong options of `notebook-platform-sandbox up` are one sentence with a remedy, before anything starts."""

import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sandbox.azure.core.catalog import supplied
from sandbox.checks import problem
from sandbox.cli import main, parser
from sandbox.options import Options

NOBODY = 65534


def options(tmp_path: Path, **more: object) -> Options:
    return Options(**{"state": tmp_path / "state", **more})  # type: ignore[arg-type]


@pytest.mark.parametrize("catalog", supplied())
def test_the_sandboxs_own_catalogs_are_accepted(catalog: str, tmp_path: Path) -> None:
    assert problem(options(tmp_path, catalog=catalog), tmp_path / "env") == ""


def test_a_copy_of_a_catalog_needs_no_suffix(tmp_path: Path) -> None:
    copy = tmp_path / "mine"
    copy.write_text((Path(__file__).parents[3] / "sandbox/azure/catalog/today.yaml").read_text())
    assert problem(options(tmp_path, catalog=str(copy))) == ""


def write(content: bytes) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(content)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda path: None, "there is no catalog {}: name one of 2021, today, or an existing YAML file"),
        (Path.mkdir, "the catalog {} cannot be read: Is a directory"),
        (write(b"\xff\xfe"), "the catalog {} is not YAML: "),
        (write(b"a: b: c"), "the catalog {} is not YAML: "),
        (write(b"- a list"), "{} is no catalog: the document: "),
        (write(b"default: '1.35'"), "{} is no catalog: versions: Field required; "),
    ],
)
def test_a_wrong_catalog_is_named(make: Callable[[Path], object], words: str, tmp_path: Path) -> None:
    catalog = tmp_path / "catalog.yaml"
    make(catalog)
    assert problem(options(tmp_path, catalog=str(catalog))).startswith(words.format(catalog))


def test_charts_are_a_directory_with_archives(tmp_path: Path) -> None:
    charts = tmp_path / "charts"
    assert problem(options(tmp_path, charts=charts)).startswith(f"{charts} is no directory; ")
    charts.mkdir()
    assert problem(options(tmp_path, charts=charts)).startswith(f"{charts} holds no packaged chart (*.tgz); ")
    (charts / "hub-1.0.0.tgz").touch()
    assert problem(options(tmp_path, charts=charts)) == ""


def test_a_file_is_no_state(tmp_path: Path) -> None:
    (tmp_path / "state").touch()
    assert "cannot be created: File exists; choose another --state" in problem(options(tmp_path))


def test_the_file_of_the_environment_can_be_written(tmp_path: Path) -> None:
    assert "is a directory; name a file in it" in problem(options(tmp_path), tmp_path)
    assert "does not exist; create it, or choose another file" in problem(options(tmp_path), tmp_path / "none" / "env")


@pytest.fixture
def as_user() -> Iterator[None]:
    """Run a test without root's rights: root may write everywhere."""
    before = os.geteuid()
    os.seteuid(before or NOBODY)
    yield
    os.seteuid(before)


@pytest.fixture
def everyones() -> Iterator[Path]:
    """Return a directory that every user may write."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o777)
        yield Path(name)


@pytest.mark.usefixtures("as_user")
def test_directories_without_permission_are_named(everyones: Path) -> None:
    closed = everyones / "closed"
    closed.mkdir(mode=0o500)
    assert problem(options(everyones, state=closed)).endswith("cannot be written; choose another --state")
    assert problem(options(everyones), closed / "env").endswith("cannot be written; choose another file for --env")


@pytest.mark.parametrize("speed", ["0", "-1", "nan", "inf", "fast", "1e9"])
def test_a_speed_that_no_clock_has_is_refused(speed: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parser().parse_args(["up", f"--speed={speed}"])
    assert ended.value.code == 2
    assert f"argument --speed: '{speed}' is no number above 0" in capsys.readouterr().err


@pytest.mark.parametrize("more", [(), ("--foreground",)])
def test_up_ends_with_the_sentence(
    more: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["notebook-platform-sandbox", "up", f"--state={tmp_path}", "--catalog=/none", *more])
    assert main() == 1
    assert capsys.readouterr().err == "there is no catalog /none: name one of 2021, today, or an existing YAML file\n"


@pytest.mark.parametrize("command", ["down", "status", "journal"])
def test_without_a_sandbox_the_commands_name_the_one_that_starts_it(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "state").touch()
    monkeypatch.setattr("sys.argv", ["notebook-platform-sandbox", command, f"--state={tmp_path / 'state'}"])
    assert main() == 1
    assert f"`notebook-platform-sandbox up --state {tmp_path / 'state'}` starts " in capsys.readouterr().err
