"""The manual: the site that `make docs` builds. A condition that requires a user's action ends with a link to the part of its
troubleshooting page about the condition's reason, so that a user goes from `kubectl describe` to the remedy."""

from notebook_platform.api.conditions import MESSAGE_LIMIT, Condition
from notebook_platform.api.reasons import Reason

SITE = "https://docs.notebookplatform.io/"
"""The public address of the manual, as in pyproject.toml (project.urls) and docs/zensical.toml."""

PAGE = "troubleshooting/"


def troubleshooting(reason: str, site: str = SITE) -> str:
    """Return the URL of the page part about a reason: for a code that the operator does not know, of the page; empty without a site."""
    if not site:
        return ""
    anchor = f"#{reason.lower()}" if reason in Reason.__members__.values() else ""
    return f"{site.rstrip('/')}/{PAGE}{anchor}"


def with_link(condition: Condition, site: str = SITE) -> Condition:
    """Return the condition with the link as the last word of its message. A message at the limit is cut before the link."""
    link = troubleshooting(condition.reason, site)
    if not link:
        return condition
    room = MESSAGE_LIMIT - len(link) - len(". See ")
    text = condition.message if len(condition.message) <= room else condition.message[: room - 1] + "…"
    end = " " if text.endswith((".", "!", "?")) else ". "
    return condition.model_copy(update={"message": f"{text}{end}See {link}"})
