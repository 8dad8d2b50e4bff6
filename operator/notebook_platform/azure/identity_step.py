"""IdentityStep: what the steps of all kinds of identity have in common. `azure/identity.py` selects one of them for a platform."""

from notebook_platform import outputs
from notebook_platform.engine import Step
from notebook_platform.engine.step import Desired, Found


class IdentityStep(Step[Desired, Found, outputs.Identity]):
    """A step with the condition `IdentityReady` that provides the cluster's identity."""

    name = "Identity"
    provides = outputs.Identity
    needs = (outputs.ResourceGroup,)
    cacheable = True
