"""Rules for repositories: which a binder launches. They are an access rule, so one that BinderHub would not follow is refused. Pure.

A rule is a list of regular expressions of a provider's class. BinderHub matches each, without regard to case, from the beginning of what
follows the provider in a launch URL, as it is written there. A class reads the lists of the classes that it extends too.
https://binderhub.readthedocs.io/en/latest/customizing.html, https://binderhub.readthedocs.io/en/latest/developer/repoproviders.html
"""

import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from notebook_platform.api.condition_types import ConditionType
from notebook_platform.api.reasons import Reason
from notebook_platform.engine.step import Notice
from notebook_platform.helm.values import list_in, mapping_in
from notebook_platform.hubs.binder.traits import BINDER_CLASSES, FIRST, PROVIDERS
from notebook_platform.paths import at

Refusal = tuple[Reason, str, str]
"""(reason, sentence after `spec.binderhub.`, remedy)."""

ALLOWED, BANNED = "allowed_specs", "banned_specs"
LISTS = (ALLOWED, BANNED, "high_quota_specs")
FIELDS = {ALLOWED: "allowed", BANNED: "banned", "high_quota_specs": "highQuota"}

ALIKE = 0.6
RULE = re.compile("allow|ban|block|black|deny|white|high")
"""How a trait begins that is meant as a rule."""

LONGEST = 1024
"""Characters of a pattern that is checked."""

NAME_AND_SLASH = re.compile(r"\^?(?:[\w.-]|\\[.-])+/")
"""A pattern that begins with a plain name and a slash."""

ESCAPED = {"GitLabRepoProvider": "group%2Fproject/ref", "GitRepoProvider": "https%3A%2F%2Fhost%2Fpath/ref"}
"""Classes whose launch URLs escape the repository, so that no plain name ends with a slash."""

EVERYTHING = frozenset({".*", "^.*", ".*$", "^.*$", ".+", "^.+", ".+$", "^.+$"})
"""Patterns that ban all repositories."""

UNLESS = ("^(?!", "(?!")
"""How a pattern begins that bans all repositories but some."""


def check_rules(values: Mapping[str, Any], number: int | None) -> Iterator[Refusal]:
    """Yield the rules that would not hold. `number`: the chart's development version; None: another form of version."""
    for name, section in mapping_in(values.get("config")).items():
        if name not in (*PROVIDERS.values(), "RepoProvider"):
            continue
        traits = mapping_in(section)
        if traits.get(ALLOWED) and number is not None and number < FIRST:
            yield (
                Reason.FIELD_NOT_SUPPORTED,
                f"{_field(name, ALLOWED)}: this chart ignores it and would launch all repositories; charts since git.{FIRST} support it",
                "Choose a newer {field}.chart.version, or set banned to a pattern that excludes the repositories, such as ^(?!owner/).",
            )
        yield from _misspelt(name, traits)
        for kind in LISTS:
            for pattern in list_in(traits.get(kind)):
                yield from _pattern(name, kind, pattern)


def _misspelt(name: str, traits: Mapping[str, Any]) -> Iterator[Refusal]:
    known = BINDER_CLASSES.traits(name)
    for trait in traits:
        alike = get_close_matches(str(trait), LISTS, 1, ALIKE if RULE.match(str(trait)) else 1.0)
        if trait not in known and alike:
            yield (
                Reason.VALUES_REFUSED,
                f"values.config.{name}.{trait} is not a setting of BinderHub: the rule has no effect",
                f"Write {alike[0]}.",
            )


def _pattern(name: str, kind: str, pattern: Any) -> Iterator[Refusal]:
    if not isinstance(pattern, str) or len(pattern) > LONGEST:
        return
    try:
        re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        reason = error.msg if isinstance(error, re.error) else "it is too complex"
        yield (
            Reason.VALUES_REFUSED,
            f"{_field(name, kind)}: {pattern!r} is not a regular expression of Python ({reason}): every launch would fail",
            "Correct the pattern.",
        )
        return
    if name in ESCAPED and NAME_AND_SLASH.match(pattern):
        yield (
            Reason.VALUES_REFUSED,
            f"{_field(name, kind)}: {pattern!r} matches no repository, because repositories of this provider are written as {ESCAPED[name]}",
            "Write %2F for a slash within the repository, and %3A for a colon.",
        )


def _field(name: str, kind: str) -> str:
    provider = next((one for one, of_class in PROVIDERS.items() if of_class == name), None)
    return f"repositories[{provider}].{FIELDS[kind]}" if provider else f"values.config.{name}.{kind}"


def open_providers(values: Mapping[str, Any]) -> Notice | None:
    """Return a notice if some providers have a list of allowed repositories and the rest launch any: `Git` launches those of all."""
    if at(values, "config", "BinderHub", "repo_providers") is not None or values.get("extraConfig"):
        return None  # other providers, or code that changes them
    config = mapping_in(values.get("config"))
    unlimited = [provider for provider, name in PROVIDERS.items() if not _is_limited(config, name)]
    listed = [provider for provider, name in PROVIDERS.items() if _setting(config, name, ALLOWED)]
    if not listed or not unlimited:
        return None
    message = (
        f"spec.binderhub.repositories: {', '.join(listed)} launch allowed repositories only, and {', '.join(unlimited)} launch any"
        f"{', with those of all Git servers' if 'Git' in unlimited else ''}. To close a provider, ban .* there"
    )
    return Notice(condition=ConditionType.REPOSITORIES_OPEN, reason=Reason.PROVIDER_WITHOUT_RULES, message=message)


def _is_limited(config: Mapping[str, Any], name: str) -> bool:
    banned = [pattern for pattern in list_in(_setting(config, name, BANNED)) if isinstance(pattern, str)]
    return bool(_setting(config, name, ALLOWED)) or any(one in EVERYTHING or one.startswith(UNLESS) for one in banned)


def _setting(config: Mapping[str, Any], name: str, trait: str) -> Any:
    """Return the value that a class reads for a trait: its own, or the nearest of the classes that it extends."""
    sections = (mapping_in(config.get(one)) for one in BINDER_CLASSES.lineage(name))
    return next((section[trait] for section in sections if trait in section), None)
