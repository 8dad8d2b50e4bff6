"""Check the values of a hub against the traits of its classes: `hub.config`, the chart's values that become traits, and profiles. Pure.

A value of another type stops the hub, or each server, only when it runs; a misspelt name has no effect at all. A class that the table
does not have (an authenticator of another package, a class that code in the values defines) may have any trait: its sections, and unknown
traits of the sections that it inherits, pass.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from typing import Any

from notebook_platform.helm.values import Path, path_of
from notebook_platform.hubs.case import Case, Violation
from notebook_platform.hubs.chart.traits import HubClasses, accepts, described, hub_classes, in_words, shape
from notebook_platform.hubs.chart.versions import NEWEST_KNOWN, is_ahead
from notebook_platform.paths import at

SPAWNER = "KubeSpawner"
VALUES: Mapping[str, tuple[str, str]] = {
    **{
        f"singleuser.{path}": (SPAWNER, trait)
        for path, trait in {
            "allowPrivilegeEscalation": "allow_privilege_escalation",
            "cmd": "cmd",
            "cpu.guarantee": "cpu_guarantee",
            "cpu.limit": "cpu_limit",
            "defaultUrl": "default_url",
            "extraAnnotations": "extra_annotations",
            "extraEnv": "environment",
            "extraLabels": "extra_labels",
            "extraPodConfig": "extra_pod_config",
            "extraResource.guarantees": "extra_resource_guarantees",
            "extraResource.limits": "extra_resource_limits",
            "fsGid": "fs_gid",
            "image.pullPolicy": "image_pull_policy",
            "lifecycleHooks": "lifecycle_hooks",
            "memory.guarantee": "mem_guarantee",
            "memory.limit": "mem_limit",
            "nodeSelector": "node_selector",
            "profileList": "profile_list",
            "serviceAccountName": "service_account",
            "startTimeout": "start_timeout",
            "storage.capacity": "storage_capacity",
            "storage.dynamic.storageClass": "storage_class",
            "storage.extraLabels": "storage_extra_labels",
            "uid": "uid",
        }.items()
    },
    "hub.activeServerLimit": ("JupyterHub", "active_server_limit"),
    "hub.allowNamedServers": ("JupyterHub", "allow_named_servers"),
    "hub.authenticatePrometheus": ("JupyterHub", "authenticate_prometheus"),
    "hub.baseUrl": ("JupyterHub", "base_url"),
    "hub.concurrentSpawnLimit": ("JupyterHub", "concurrent_spawn_limit"),
    "hub.consecutiveFailureLimit": ("Spawner", "consecutive_failure_limit"),
    "hub.namedServerLimitPerUser": ("JupyterHub", "named_server_limit_per_user"),
    "hub.redirectToServer": ("JupyterHub", "redirect_to_server"),
    "hub.shutdownOnLogout": ("JupyterHub", "shutdown_on_logout"),
    "hub.templatePaths": ("JupyterHub", "template_paths"),
    "hub.templateVars": ("JupyterHub", "template_vars"),
}
"""Value of the chart -> class and trait, the same in all generations. Source: files/hub/jupyterhub_config.py of the chart
(https://github.com/jupyterhub/zero-to-jupyterhub-k8s)."""

CHOICE_KEYS = ("display_name", "description", "default", "kubespawner_override")
PROFILE_KEYS = (*CHOICE_KEYS, "slug", "profile_options")
OPTION_KEYS = ("display_name", "choices", "unlisted_choice", "dynamic_image_building")
"""https://jupyterhub-kubespawner.readthedocs.io/en/latest/spawner.html#kubespawner.KubeSpawner.profile_list"""

TEXTS = {
    "environment": "environment variable",
    "extra_annotations": "annotation",
    "extra_labels": "label",
    "node_selector": "label",
    "storage_extra_labels": "label",
}
"""Traits of the spawner whose members Kubernetes takes as texts only, and what a member is."""

ALIKE = 0.8
CLASS_ALIKE = 0.9


@dataclass(frozen=True)
class Finding:
    """A value that the hub's classes do not take as it stands. `no_effect`: it is ignored, and nothing fails."""

    path: Path
    sentence: str
    remedy: str
    no_effect: bool = False


def trait_findings(case: Case) -> Iterator[Finding]:
    """Yield the values that do not fit the classes of the chart's hub, those that stop something first."""
    if is_ahead(case.spec.chart.version):
        return
    found = list(_Judge(case).findings())
    yield from sorted(found, key=lambda finding: finding.no_effect)


def check_traits(case: Case) -> Iterator[Violation]:
    """Yield the findings that refuse the values. One without effect passes where the running release has the same value."""
    before = case.hub_context.before
    for finding in trait_findings(case):
        had = before is not None and at(before.values, *finding.path) == case.value(finding.path)
        if not (finding.no_effect and had):
            yield finding.sentence, finding.remedy


@dataclass(frozen=True)
class _Judge:
    case: Case

    @cached_property
    def known(self) -> HubClasses:
        return hub_classes(self.case.chosen.name)

    @cached_property
    def complete(self) -> bool:
        """Whether the table has all traits: neither a newer chart or another image, nor code that may define classes."""
        return self.case.version[:2] <= NEWEST_KNOWN and not self.case.coded and not self.case.hub_context.own_image

    @cached_property
    def open_sections(self) -> frozenset[str]:
        """Sections in which a class that the table does not have may read any trait."""
        families = []
        for trait, family in (("authenticator_class", "Authenticator"), ("spawner_class", "Spawner")):
            chosen = self.case.config("JupyterHub").get(trait)
            if chosen is not None and self.known.class_of(str(chosen)) is None:
                families.append(family)
        return frozenset(
            name for name, (bases, _) in self.known.classes.items() for family in families if family in (name, *bases)
        )

    def findings(self) -> Iterator[Finding]:
        for path, (section, trait) in VALUES.items():
            value = self.case.at(path)
            if value is not None:
                yield from self.trait(path_of(path), section, trait, value)
        config = self.case.at("hub.config")
        for section, traits in config.items() if isinstance(config, Mapping) else ():
            yield from self.section(("hub", "config", section), section, traits)

    def section(self, path: Path, section: str, traits: Any) -> Iterator[Finding]:
        if section not in self.known.classes:
            yield from self.unknown_section(path, section)
        else:
            for trait, value in traits.items() if isinstance(traits, Mapping) else ():
                yield from self.trait((*path, str(trait)), section, str(trait), value)

    def unknown_section(self, path: Path, section: str) -> Iterator[Finding]:
        """Yield a finding for a name that is nearly one of a known class, as AzureADOAuthenticator."""
        chosen = {str(name).rpartition(".")[2] for name in self.case.config("JupyterHub").values() if isinstance(name, str)}
        alike = get_close_matches(section, self.known.classes, 1, CLASS_ALIKE)
        if alike and self.complete and section[:1].isupper() and section not in chosen:
            yield self.finding(path, "no class of the hub has this name; it has no effect", f"Write {alike[0]}.", no_effect=True)

    def trait(self, path: Path, section: str, trait: str, value: Any) -> Iterator[Finding]:
        """Yield what is wrong with the value of a trait."""
        types = self.known.types(section, trait)
        if not types:
            if self.complete and section not in self.open_sections:
                yield self.unknown(
                    path, f"{section} of chart {self.case.spec.chart.version} has no trait {trait}", trait, section
                )
        elif value is not None and not any(accepts(kind, value) for kind in types):
            effect = "no server would start" if "Spawner" in section else "the hub would not start"
            sentence = f"{section}.{trait} takes {in_words(types[0])}, and this is {described(types[0], value)}: {effect}"
            yield self.finding(path, sentence, "Correct the value, or remove it.")
        elif trait in TEXTS and "Spawner" in section and isinstance(value, Mapping):
            yield from self.texts(path, TEXTS[trait], value)
        elif (section, trait) == (SPAWNER, "profile_list"):
            yield from self.profiles(path, value)

    def texts(self, path: Path, what: str, members: Mapping[str, Any]) -> Iterator[Finding]:
        for name, value in members.items():
            if isinstance(value, bool | int | float):
                sentence = f"the {what} {name} is {shape(value)}, and Kubernetes accepts only text: no server would start"
                yield self.finding(path, sentence, "Write the value in quotes.")

    def profiles(self, path: Path, profiles: Any) -> Iterator[Finding]:
        for place, profile in enumerate(profiles if isinstance(profiles, list | tuple) else ()):
            where = f"[{place}]"
            if not isinstance(profile, Mapping):
                yield self.finding(path, f"{where} is {shape(profile)}, but a profile is a map", f"Write {where} as a map.")
                continue
            if "display_name" not in profile and "slug" not in profile:
                yield self.finding(path, f"{where} has no display_name: no server would start", "Add display_name.")
            yield from self.shaped(path, where, profile, PROFILE_KEYS)
            for name, option in _members(profile.get("profile_options")):
                inner = f"{where}.profile_options.{name}"
                yield from self.keys(path, inner, option, OPTION_KEYS)
                for choice, content in _members(option.get("choices")):
                    yield from self.shaped(path, f"{inner}.choices.{choice}", content, CHOICE_KEYS)

    def shaped(self, path: Path, where: str, part: Mapping[str, Any], known: Iterable[str]) -> Iterator[Finding]:
        """Check a profile, or a choice of one: its keys, and what it overrides."""
        yield from self.keys(path, where, part, known)
        override = part.get("kubespawner_override")
        if override is not None and not isinstance(override, Mapping):
            yield self.finding(
                path,
                f"{where}.kubespawner_override is {shape(override)}, but has to be a map",
                f"Write {where}.kubespawner_override as a map.",
            )
        for trait, value in override.items() if isinstance(override, Mapping) else ():
            for found in self.trait(path, SPAWNER, str(trait), value):
                sentence = found.sentence.replace(": ", f": {where}.kubespawner_override.{trait}: ", 1)
                yield Finding(path, sentence, found.remedy, found.no_effect)

    def keys(self, path: Path, where: str, part: Mapping[str, Any], known: Iterable[str]) -> Iterator[Finding]:
        """Yield the keys that are nearly a known one. Code may read other keys, as `allowed_groups` of a profile."""
        names = tuple(known)
        for key in part:
            plain = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in str(key))
            alike = get_close_matches(plain, names, 1, ALIKE)
            if key not in names and alike:
                sentence = f"{where}.{key} is not a key of a profile; it has no effect"
                yield self.finding(path, sentence, f"Write {alike[0]}.", no_effect=True)

    def unknown(self, path: Path, sentence: str, trait: str, section: str) -> Finding:
        alike = get_close_matches(trait, self.known.traits(section), 1, ALIKE)
        remedy = f"Write {alike[0]}, or remove it." if alike else "Remove it."
        return self.finding(path, f"{sentence}; it has no effect", remedy, no_effect=True)

    def finding(self, path: Path, sentence: str, remedy: str, *, no_effect: bool = False) -> Finding:
        where = self.case.exactly(path)
        return Finding(path, f"{where}: {sentence}", remedy, no_effect)


def _members(value: Any) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the members of a map that are maps."""
    for name, member in value.items() if isinstance(value, Mapping) else ():
        if isinstance(member, Mapping):
            yield str(name), member
