"""Notices of several steps about one thing are one condition with all their messages."""

from datetime import UTC, datetime

from notebook_platform.api.condition_types import ConditionType
from notebook_platform.api.reasons import Reason
from notebook_platform.engine.conditions import fold_conditions
from notebook_platform.engine.outcome import Ready
from notebook_platform.engine.result import Result
from notebook_platform.engine.step import Notice

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def ignored(message: str) -> Notice:
    return Notice(condition=ConditionType.VALUES_IGNORED, reason=Reason.NO_EFFECT, message=message)


def test_the_remarks_of_two_releases_are_both_shown() -> None:
    results = {
        "JupyterHub": Result(outcome=Ready(), notices=(ignored("first"),)),
        "BinderHub": Result(outcome=Ready(), notices=(ignored("second"), ignored("first"))),
    }
    found = [one for one in fold_conditions(results, [], generation=1, now=NOW) if one.type == "ValuesIgnored"]
    assert [(one.status, one.reason, one.message) for one in found] == [("True", "NoEffect", "first; second")]
