"""Settings of properties whose single example is expensive."""

from hypothesis import settings


def at_most(examples: int) -> settings:
    """Return settings with this number of examples, or with that of the loaded profile if it is lower (`make unit`)."""
    return settings(max_examples=min(examples, settings().max_examples))
