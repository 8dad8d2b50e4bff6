"""Traits: the settings of JupyterHub's classes, which `hub.config` sets and to which the chart maps most of its values.

`traits.json` has the names and types of all traits of JupyterHub, KubeSpawner and OAuthenticator in the hub image of each chart
generation. It is written from the real classes (`python -m tests.hub.generations`); `tests/hub/traits_of_hub.py` explains the types.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files
from typing import Any

BYTES = re.compile(r"[0-9]+(\.[0-9]+)?[KMGT]")
"""https://jupyterhub.readthedocs.io/en/stable/reference/api/spawner.html#jupyterhub.spawner.Spawner.mem_limit"""

PACKAGES = ("jupyterhub", "kubespawner", "oauthenticator", "dummyauthenticator")
WORDS: Mapping[str, str] = {
    "text": "a text",
    "bool": "true or false",
    "int": "a whole number",
    "number": "a number",
    "bytes": "bytes as a number, or a number with K, M, G or T such as 2G",
    "list": "a list",
    "map": "a map",
    "code": "Python code, which hub.extraConfig can set",
    "any": "any value",
    "null": "null",
}
PLAIN_TYPES: Mapping[str, tuple[type, ...]] = {
    "text": (str,),
    "bool": (bool,),
    "int": (int,),
    "number": (int, float),
    "list": (list, tuple),
    "map": (Mapping,),
    "null": (type(None),),
}


@dataclass(frozen=True)
class HubClasses:
    """The classes of one generation's hub. `classes`: name -> (names of the bases, nearest first; {own trait: type})."""

    classes: Mapping[str, tuple[tuple[str, ...], Mapping[str, str]]]
    authenticators: Mapping[str, str]
    spawners: Mapping[str, str]
    scopes: frozenset[str]

    def class_of(self, chosen: str) -> str | None:
        """Return the class that a name or a dotted path in the configuration chooses; None: a class of another package."""
        if found := self.authenticators.get(chosen) or self.spawners.get(chosen):
            return found if found in self.classes else None
        package, _, name = chosen.partition(".")
        name = name.rpartition(".")[2]
        return name if package in PACKAGES and name in self.classes else None

    def lineage(self, name: str) -> tuple[str, ...]:
        """Return the sections of the configuration that a class reads, the most specific first."""
        return (name, *self.classes[name][0])

    def traits(self, name: str) -> Mapping[str, str]:
        """Return the types of all traits of a class."""
        return self._traits[name]

    def types(self, section: str, trait: str) -> tuple[str, ...]:
        """Return the types of a trait in a section: those of its class and of the classes that extend it, which read it too."""
        kinds = (self._traits[name].get(trait) for name in self._readers.get(section, ()))
        return tuple(dict.fromkeys(kind for kind in kinds if kind))

    @cached_property
    def _readers(self) -> Mapping[str, tuple[str, ...]]:
        """Return the classes that read each section: its own and those that extend it."""
        readers: dict[str, list[str]] = {}
        for name in self.classes:
            for section in self.lineage(name):
                readers.setdefault(section, []).append(name)
        return {section: tuple(dict.fromkeys(names)) for section, names in readers.items()}

    @cached_property
    def _traits(self) -> Mapping[str, Mapping[str, str]]:
        """Return the types of all traits of all classes."""
        return {
            name: {trait: kind for base in reversed(self.lineage(name)) for trait, kind in self.classes[base][1].items()}
            for name in self.classes
        }


@cache
def hub_classes(generation: str) -> HubClasses:
    """Return the classes of a chart generation's hub (a name of `versions.GENERATIONS`); of an unknown one, the newest's."""
    table = json.loads(files(__package__).joinpath("traits.json").read_text())
    known = table.get(generation) or list(table.values())[-1]
    classes = {name: (tuple(bases), traits) for name, (bases, traits) in known["classes"].items()}
    return HubClasses(classes, known["authenticators"], known["spawners"], frozenset(known["scopes"]))


def accepts(kind: str, value: Any) -> bool:
    """Return whether a trait of a type accepts a JSON value. Containers check their members."""
    return any(_accepts_one(one, value) for one in alternatives(kind))


def _accepts_one(kind: str, value: Any) -> bool:
    outer, _, inner = kind.partition("[")
    inner = inner.removesuffix("]")
    if outer == "any":
        return True
    if outer == "enum":
        return value in inner.split(",")
    if outer == "bytes":
        return isinstance(value, int | float) or (isinstance(value, str) and bool(BYTES.fullmatch(value)))
    if not isinstance(value, PLAIN_TYPES.get(outer, ())):
        return False
    members = value.values() if isinstance(value, Mapping) else value if isinstance(value, list | tuple) else ()
    return not inner or all(accepts(inner, member) for member in members)


def alternatives(kind: str) -> Iterator[str]:
    """Split a type at the bars outside its brackets."""
    depth, begin = 0, 0
    for place, letter in enumerate(kind):
        depth += (letter == "[") - (letter == "]")
        if letter == "|" and not depth:
            yield kind[begin:place]
            begin = place + 1
    yield kind[begin:]


def in_words(kind: str) -> str:
    """Describe a type for a message: `text|list[text]` gives "a text, or a list (of a text each)"."""
    return ", or ".join(_one_in_words(one) for one in alternatives(kind) if one != "null") or WORDS["null"]


def _one_in_words(kind: str) -> str:
    outer, _, inner = kind.partition("[")
    inner = inner.removesuffix("]")
    if outer == "enum":
        return f"one of {', '.join(inner.split(','))}"
    return f"{WORDS[outer]} (of {in_words(inner)} each)" if inner else WORDS[outer]


def shape(value: Any) -> str:
    """Describe a value's type for a message, without the value."""
    for kind in ("bool", "int", "number", "text", "list", "map"):
        if isinstance(value, PLAIN_TYPES[kind]):
            return WORDS[kind]
    return WORDS["null"]


def described(kind: str, value: Any) -> str:
    """Describe a value; amounts of memory and CPUs show themselves, as they are no secrets."""
    short = isinstance(value, str) and len(value) <= 16 and value[:1].isdigit()
    if short and kind.partition("|")[0] in ("bytes", "number", "int"):
        return repr(value)
    members = value.values() if isinstance(value, Mapping) else value if isinstance(value, list | tuple) else ()
    inner = next((one.partition("[")[2].removesuffix("]") for one in alternatives(kind) if "[" in one), "any")
    wrong = next((member for member in members if not accepts(inner, member)), None)
    same = shape(value) == shape({} if kind.startswith("map") else [])
    return f"{shape(value)} with {shape(wrong)}" if wrong is not None and same else shape(value)
