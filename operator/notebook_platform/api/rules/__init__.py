"""What the API server refuses at apply, with a sentence: CEL rules by the place in the resource they stand at.

https://kubernetes.io/docs/reference/using-api/cel/ · `[]` in a path means each item of a list.
"""

from collections.abc import Mapping

from notebook_platform.api.rules import (
    azure,
    azure_names,
    binderhub,
    cluster,
    cross_field,
    hubs,
    monitoring,
    patches,
    pools,
    releases,
)
from notebook_platform.api.rules.helpers import Rule

PARTS = (azure_names, cross_field, azure, cluster, pools, patches, hubs, releases, binderhub, monitoring)

RULES: Mapping[str, tuple[Rule, ...]] = {
    field: tuple(rule for part in PARTS for rule in part.RULES.get(field, ()))
    for field in dict.fromkeys(field for part in PARTS for field in part.RULES)
}
