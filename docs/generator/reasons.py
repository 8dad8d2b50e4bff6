"""docs/reference/reasons.md: every condition type and reason with its meaning, from `api/reasons.py`."""

from notebook_platform.api.condition_types import ConditionType
from notebook_platform.api.reasons import Reason

from docs.generator.markdown import code, generated, prose, table

OPENING = f"""{len(ConditionType)} condition types and {len(Reason)} reasons. Alerts, `kubectl wait` and scripts may match on them: a \
message can be reworded, a reason stays. A step has a condition of its own, `<Step>Ready` ([steps](steps.md)). What to do about \
an error is in [errors](errors.md).

An error code of Azure that the operator does not know is reported as the reason, unchanged in CamelCase, and so is the provisioning \
state of a resource that Azure is working on."""


def page() -> str:
    """Return the whole page."""
    parts = [
        generated("Condition types and reasons", OPENING),
        "## Condition types",
        table(["Type", "Meaning"], ([code(member), prose(member.meaning)] for member in ConditionType)),
        "## Reasons",
        table(
            ["Reason", "Meaning", "Message, where it is always the same"],
            ([code(member), prose(member.meaning), prose(member.sentence)] for member in sorted(Reason)),
        ),
    ]
    return "\n\n".join(part.strip() for part in parts) + "\n"
