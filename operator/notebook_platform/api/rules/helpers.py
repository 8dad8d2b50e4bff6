"""Rules that many fields share, and the sentences they are refused with."""

from notebook_platform.api import arm_ids
from notebook_platform.api.durations import PATTERN

Rule = tuple[str, str]
"""(CEL expression, sentence)."""

GUID = f"^{arm_ids.GUID}$"


def matches(field: str, pattern: str, sentence: str) -> Rule:
    escaped = pattern.replace("\\", "\\\\")
    return f"self.matches('{escaped}')", f"{field} {sentence}"


def fixed(field: str) -> Rule:
    return "self == oldSelf", f"{field} cannot change; create a new platform with it"


def cidr(field: str) -> Rule:
    rule = "isCIDR(self) && cidr(self).ip().family() == 4 && string(cidr(self).masked()) == self"
    return rule, f"{field} must be an IPv4 network in CIDR notation without host bits, such as 10.0.0.0/16"


def duration(field: str) -> Rule:
    return matches(field, PATTERN, "must be a duration such as 90s, 10m, 1h, 7d or 1w")


def whole_minutes(field: str) -> tuple[Rule, ...]:
    """Make the rules of a duration that AKS takes in minutes alone."""
    whole = f"!self.matches('{PATTERN}') || !self.matches('s$') || duration(self).getSeconds() % 60 == 0"
    return duration(field), (whole, f"{field} must be whole minutes, as AKS requires: 2m instead of 120s")


def https(field: str) -> Rule:
    rule = "isURL(self) && url(self).getScheme() == 'https' && url(self).getHost() != ''"
    return rule, f"{field} must be an https URL"


def chart_repository(field: str) -> tuple[Rule, ...]:
    """Make the rules of a chart repository. A name and password in it would show in the status of an error and in Helm's
    arguments."""
    return (
        (
            "isURL(self) && (url(self).getScheme() == 'https' || url(self).getScheme() == 'oci')",
            f"{field} must be an https or oci URL",
        ),
        ("!self.matches('^[^/]*//[^/]*@')", f"{field} must not contain credentials"),
    )


def digest(field: str) -> Rule:
    return matches(field, "^sha256:[0-9a-f]{64}$", "must be sha256: and 64 lower-case hexadecimal digits")


def clock(field: str) -> Rule:
    """Make the rule of a time of day."""
    return matches(field, "^([01][0-9]|2[0-3]):[0-5][0-9]$", "must be a time of day such as 08:30")


def cron(field: str) -> Rule:
    """Make the rule for the form of a cron expression; the operator checks the rest."""
    rule = r"^[-0-9*/,A-Za-z]+( [-0-9*/,A-Za-z#L]+){4}$"
    return matches(field, rule, "must be cron: minute hour day month weekday, such as 30 8 * * 1-5")


def one_of(field: str, *members: str) -> Rule:
    counted = " + ".join(f"(has(self.{member}) ? 1 : 0)" for member in members)
    return f"{counted} == 1", f"{field} must have exactly one of {', '.join(members)}"


def release_place(block: str) -> dict[str, tuple[Rule, ...]]:
    """Return the rules of a release's place: its name and its namespace, both immutable."""
    name, namespace = f"{block}.release", f"{block}.namespace"
    return {
        name: (matches(name, "^[a-z0-9]([-a-z0-9]{0,51}[a-z0-9])?$", "must be a Helm release name"), fixed(name)),
        namespace: (matches(namespace, "^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$", "must be a namespace name"), fixed(namespace)),
    }
