"""Rules of the patches of spec.cluster, spec.nodePools[] and spec.autoscale[]: the members that a patch cannot set.

CEL sees only members that the schema declares, in their declared spelling; `azure/patches.py` refuses the rest.
https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#field-pruning
"""

from collections.abc import Mapping

from notebook_platform.api.patches import PLACES, refusal
from notebook_platform.api.rules.helpers import Rule


def _rules() -> Mapping[str, tuple[Rule, ...]]:
    found: dict[str, tuple[Rule, ...]] = {}
    for field, members in PLACES.items():
        for path, guarded in members.items():
            *above, name = path.split(".")
            place = ".".join([field, *above])
            rule = (f"!has(self.{name})", f"{refusal(field, path, guarded)}. {guarded.remedy}")
            found[place] = (*found.get(place, ()), rule)
    return found


RULES: Mapping[str, tuple[Rule, ...]] = _rules()
