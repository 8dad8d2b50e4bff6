"""What the API server refuses at apply, with a sentence: CEL rules by the place in the resource they stand at.

https://kubernetes.io/docs/reference/using-api/cel/ · `[]` in a path means each item of a list.
"""

from collections.abc import Mapping

from notebook_platform.api.rules import azure, binderhub, cluster, hubs, pools, releases, whole
from notebook_platform.api.rules.helpers import Rule

RULES: Mapping[str, tuple[Rule, ...]] = {
    **whole.RULES,
    **azure.RULES,
    **cluster.RULES,
    **pools.RULES,
    **hubs.RULES,
    **releases.RULES,
    **binderhub.RULES,
}
