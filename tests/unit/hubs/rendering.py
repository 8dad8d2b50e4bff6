"""The values that a hub's spec becomes, without their origins."""

from typing import Any

from notebook_platform.helm.values import Values
from notebook_platform.hubs.values import render_with_origins


def render(*arguments: Any, **more: Any) -> Values:
    """Return the values of `render_with_origins`."""
    return render_with_origins(*arguments, **more).values
