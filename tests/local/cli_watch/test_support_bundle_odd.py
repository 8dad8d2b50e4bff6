"""A support bundle of odd objects: each part that can be read is in it, and no secret."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.local.cli_watch.test_support_bundle import ANSWERS, API, PLANTED, bundle, files_of, log

PLATFORM = "/apis/notebookplatform.io/v1alpha1/namespaces/platforms/notebookplatforms/hub"
EVENTS, LOG = f"{API}/platforms/events", f"{API}/notebook-platform/pods/op-1/log"


def deep(levels: int) -> bytes:
    """Return the platform with values that many levels deep and a secret at their bottom."""
    spec = {**ANSWERS[PLATFORM]["spec"], "jupyterhub": {"values": "VALUES"}}
    text = json.dumps({**ANSWERS[PLATFORM], "spec": spec})
    secret = json.dumps(PLANTED["chart value"])
    return text.replace('"VALUES"', '{"a":' * levels + secret + "}" * levels).encode()


async def collected(directory: Path, **changed: Any) -> dict[str, str]:
    """Return the files of a bundle; `changed` are other answers, by the last word of their path."""
    answers = {path: changed.get(path.rpartition("/")[2], found) for path, found in ANSWERS.items()}
    code, output = await bundle(directory, "hub", "-f", "b.tar.gz", answers=answers)
    assert code == 0, output
    files = files_of(directory / "b.tar.gz")
    assert not [name for name, value in PLANTED.items() if any(value in text for text in files.values())]
    return files


@pytest.mark.parametrize("levels", [300, 5000])
async def test_of_a_spec_that_is_nested_too_deep_no_text_is_shown(levels: int, tmp_path: Path) -> None:
    files = await collected(tmp_path, hub=deep(levels))
    assert "All texts are hidden" in files["README.txt"] and "too large" in files["README.txt"]
    assert "uid: '***'" in files["platform.yaml"] and len(files["journal.jsonl"].splitlines()) == 2


async def test_an_event_with_a_time_that_python_cannot_hold_hides_no_other(tmp_path: Path) -> None:
    odd = {"metadata": {"name": "odd"}, "involvedObject": {}, "eventTime": "0000-01-01T00:00:00.000000Z", "reason": "Odd"}
    files = await collected(tmp_path, events={"items": [odd, *ANSWERS[EVENTS]["items"]]})
    assert "reason: Odd" in files["events.yaml"] and "reason: Refused" in files["events.yaml"]


async def test_of_a_long_log_the_newest_lines_are_kept(tmp_path: Path) -> None:
    older = log(message="x" * 400, platform="other-team/hub")
    newest = log(message="the newest line", platform="platforms/hub")
    files = await collected(tmp_path, log="\n".join([*[older] * 45_000, newest]))
    assert "the newest line" in files["journal.jsonl"]


async def test_tokens_in_urls_are_hidden(tmp_path: Path) -> None:
    secrets = ("abcdefgh-1", "abcdefgh-2", "abcdefgh-3")
    url = "https://h/x?token={}&X-Amz-Signature={}&private_token={}&page=2".format(*secrets)
    files = await collected(tmp_path, log=log(message=f"pulled {url}", platform="platforms/hub"))
    assert not [one for one in secrets if one in files["journal.jsonl"]] and "page=2" in files["journal.jsonl"]
