"""CEL rules of every field that is marked as an Azure name or an ARM id, made from the models: no list of such fields is kept."""

from collections.abc import Mapping

from notebook_platform.api.arm_ids import ArmId, marked_fields
from notebook_platform.api.rules.helpers import Rule, matches
from notebook_platform.api.spec import NotebookPlatformSpec


def _arm_id(field: str, id_: ArmId) -> tuple[Rule, ...]:
    """Make one rule for the form, and one for each segment whose name a user chooses.

    The fixed words are compared without regard to case by `lowerAscii`, not by `(?i)`: that folds U+017F and U+212A to s and k.
    """
    words = ", ".join(f"'{word}'" for word in id_.words)
    unless = f"self in [{words}] || " if words else ""
    shape = "/".join("[^/]*" if s.pattern else s.word.lower().replace(".", "[.]") for s in id_.segments)
    rules = [(f"{unless}self.lowerAscii().matches('^{shape}$')", f"{field} {id_.sentence}")]
    parts = "self.split('/')"
    for place, segment in enumerate(id_.segments):
        if segment.pattern:
            rule = f"{unless}{parts}.size() != {len(id_.segments)} || {parts}[{place}].matches('^({segment.pattern})$')"
            rules.append((rule, f"{field} {segment.refusal}"))
    return tuple(rules)


RULES: Mapping[str, tuple[Rule, ...]] = {
    field: _arm_id(field, marker) if isinstance(marker, ArmId) else (matches(field, f"^({marker.pattern})$", marker.sentence),)
    for field, marker in marked_fields(NotebookPlatformSpec, "spec")
}
