"""Whatever a step returns, all shown text is printable and free of secrets; in the log too."""

import json
import logging
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from notebook_platform.cli.logs import JsonFormatter, TextFormatter
from notebook_platform.engine.change import KNOWN_AFTER_APPLY, Action, Change, Impossible, NeedsApproval, Unknown
from notebook_platform.engine.outcome import Deferred, Failed, Progressing, Ready
from notebook_platform.engine.result import Result
from notebook_platform.engine.step import Notice
from notebook_platform.helm.health.pods import diagnose
from notebook_platform.helm.health.snapshot import HealthSnapshot
from notebook_platform.kube.redaction import CURRENT, HIDDEN, REDACTORS, SecretRedactor, learnable, sanitize
from notebook_platform.sanitizing import sanitized

SECRET = "hunter2x"
NASTY = st.text(max_size=30).map(lambda text: f"\x1b[2J{text}\u202e {SECRET}\n{text}")
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | NASTY,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NASTY, inner, max_size=3),
    max_leaves=8,
)


def texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [text for pair in value.items() for part in pair for text in texts(part)]
    return [text for child in value for text in texts(child)] if isinstance(value, list | tuple) else []


@pytest.fixture
def redactor() -> SecretRedactor:
    found = SecretRedactor()
    found.add({"password": SECRET})
    return found


GATES = (Impossible, NeedsApproval)


@given(words=NASTY, before=VALUES, after=VALUES)
def test_all_texts_of_a_result_are_sanitized(words: str, before: Any, after: Any) -> None:
    redactor = SecretRedactor()
    redactor.add({"password": SECRET})
    failed = Failed(reason="R", message=words, remedy=words)
    changes = [Change(path=words, action=Action.UPDATE, before=before, after=after, gate=gate(failed)) for gate in GATES]
    for outcome in (
        failed,
        Progressing(reason="R", message=words, requeue_after=1),
        Deferred(output=1, reason="R", message=words),
    ):
        given_ = Result(outcome=outcome, changes=tuple(changes), notices=(Notice(condition="C", reason="R", message=words),))
        result = sanitized({"A": given_}, redactor)["A"]
        (one, other), (notice,) = result.changes, result.notices
        found = [one.path, notice.message, *texts(one.before), *texts(one.after)]
        for part in (one.gate.failed, other.gate.failed, result.outcome):
            found += [getattr(part, name) for name in ("message", "remedy") if hasattr(part, name)]
        assert len(found) >= 7 and all(text.isprintable() and SECRET not in text for text in found)


def test_events_of_pods_in_the_built_cluster_cannot_steer_a_terminal(redactor: SecretRedactor) -> None:
    about = SimpleNamespace(kind="Pod", name="hub-0")
    text = f"\x1b]0;x\x07MountVolume\r\nfailed \u202e{SECRET}"
    event = SimpleNamespace(involved_object=about, reason="FailedMount", message=text)
    pod = SimpleNamespace(
        metadata=SimpleNamespace(name="hub-0"),
        spec=SimpleNamespace(node_name="node-1", volumes=None),
        status=SimpleNamespace(phase="Pending", conditions=None, init_container_statuses=None, container_statuses=None),
    )
    found = diagnose(pod, HealthSnapshot(claims={}, events=[event], classes={}))
    assert found is not None
    outcome = Progressing(reason=found[0].reason, message=found[1], requeue_after=1)
    shown = sanitized({"A": Result(outcome=outcome)}, redactor)["A"].outcome
    assert isinstance(shown, Progressing) and shown.message.isprintable()
    assert f"(MountVolume  failed {HIDDEN})" in shown.message


def test_a_result_without_secrets_stays_the_same_object(redactor: SecretRedactor) -> None:
    settled = Result(outcome=Ready(output=object()))
    assert sanitized({"A": settled}, redactor)["A"] is settled
    change = Change(path="id", action=Action.CREATE, after=KNOWN_AFTER_APPLY)
    kept = sanitized({"A": Result(outcome=Ready(), changes=(change,))}, redactor)["A"].changes[0].after
    assert isinstance(kept, Unknown)


def test_a_value_that_is_nested_without_end_is_cut(redactor: SecretRedactor) -> None:
    deep: Any = "bottom"
    for _ in range(5000):
        deep = {"a": deep}
    result = Result(outcome=Ready(), changes=(Change(path="p", action=Action.UPDATE, after=deep),))
    assert "bottom" not in json.dumps(sanitized({"A": result}, redactor)["A"].changes[0].after)


def test_words_from_outside_are_redacted_for_the_platform_that_is_worked_for(redactor: SecretRedactor) -> None:
    assert sanitize(f"says {SECRET}\x07") == f"says {SECRET}"
    token = CURRENT.set(redactor)
    assert sanitize(f"says {SECRET}\x07 and more", 9) == f"says {HIDDEN}…"
    CURRENT.reset(token)


@pytest.mark.parametrize("form", [TextFormatter(), JsonFormatter()], ids=["text", "json"])
def test_a_line_of_the_log_is_one_line_without_secrets_of_any_platform(form: logging.Formatter) -> None:
    REDACTORS.of("test-log").add({"password": "a-secret-of-the-log"})
    try:
        raise ValueError("failed with a-secret-of-the-log\nand \x1b[2J more")
    except ValueError as error:
        info = (ValueError, error, error.__traceback__)
    record = logging.LogRecord(
        "some.logger", logging.ERROR, "f", 1, "%s said\n%s", ("\x1b]0;x\x07it", "a-secret-of-the-log"), info
    )
    line = form.format(record)
    REDACTORS.drop("test-log")
    assert "a-secret-of-the-log" not in line and f"it said {HIDDEN}" in line and f"failed with {HIDDEN}" in line
    assert all(part.isprintable() for part in line.split("\n"))
    if isinstance(form, JsonFormatter):
        assert json.loads(line)["level"] == "error" and "\n" not in line
    else:
        assert line.split("\n")[0].endswith(f"some.logger: it said {HIDDEN}")


def test_abandoned_learning_knows_nothing_of_the_secret() -> None:
    registry_before = REDACTORS.redact("value-number-7")
    redactor = REDACTORS.of("test-given-up")
    learning = redactor.learn(learnable({"k": json.dumps([f"value-number-{n}" for n in range(300)])}))
    next(learning)
    learning.close()
    assert redactor.redact("value-number-7") == REDACTORS.redact("value-number-7") == registry_before == "value-number-7"
    redactor.add({"k": json.dumps([f"value-number-{n}" for n in range(300)])})
    assert redactor.redact("value-number-7") == HIDDEN
    REDACTORS.drop("test-given-up")
