"""The pictures of the manual: each is shown, small, complete in itself, and shows what today's commands print."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PICTURES = sorted((ROOT / "docs" / "pictures").glob("*.svg"))
MOST_BYTES = 64 * 1024
OWN = ("http://www.w3.org/2000/svg", "http://127.0.")


def text_of(picture: Path) -> str:
    """Return the words of a picture."""
    return re.sub(r"<[^>]+>", " ", picture.read_text()).replace("&#160;", " ")


@pytest.mark.parametrize("picture", PICTURES, ids=lambda picture: picture.stem)
def test_a_picture_is_shown_small_and_needs_nothing_from_outside(picture: Path) -> None:
    pages = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]
    assert any(f"pictures/{picture.name}" in page.read_text() for page in pages)
    content = picture.read_text()
    assert len(content) < MOST_BYTES
    assert [url for url in re.findall(r"https?://[^\s\"'<]+", content) if not url.startswith(OWN)] == []
    assert not re.search(r"/(tmp|home|root|work)/", content)


def test_watch_shows_steps_of_today() -> None:
    shown = re.findall(r"[●◐○✗]\s+(\w+)\s", text_of(ROOT / "docs" / "pictures" / "watch.svg"))
    assert len(shown) > 5
    page = (ROOT / "docs" / "reference" / "steps.md").read_text()
    assert [name for name in shown if not re.search(rf"\b{name}\b", page) and name != "platforms"] == []
