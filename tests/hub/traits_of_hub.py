"""Runs in the Python of a hub: prints what its classes take from configuration, as JSON.

`classes`: name -> [the names of its configurable bases, {trait: type}] with the traits that the class itself defines.
`authenticators`, `spawners`: the name of an entry point -> the name of its class. `scopes`: those of roles; empty without roles.

A type tells which JSON a trait accepts: text, bool, int, number, list, map, `list[<type>]`, `map[<type>]` (of the values), bytes (a number, or
a number with K, M, G or T), `enum[a,b]`, code (nothing that JSON can hold), any; `|` joins alternatives.
"""

import importlib
import importlib.metadata
import json
import pkgutil
import sys

import oauthenticator
import traitlets
from jupyterhub import traitlets as hub_traitlets
from traitlets.config import Application, Configurable

MODULES = ("app", "auth", "crypto", "proxy", "spawner")
OURS = ("jupyterhub", "oauthenticator", "kubespawner")
PLAIN = (
    (hub_traitlets.ByteSpecification, "bytes"),
    (hub_traitlets.Command, "text|list[text]"),
    ((traitlets.Bool,), "bool"),
    ((traitlets.Float,), "number"),
    ((traitlets.Int,), "int"),
    ((traitlets.Type,), "text"),
    ((traitlets.Unicode,), "text"),
    ((traitlets.Bytes,), "code"),
)


def type_of(trait):
    """Return the type of a trait."""
    own = shape_of(trait)
    return f"{own}|null" if trait.allow_none and own != "any" and "null" not in own.split("|") else own


def shape_of(trait):
    if isinstance(trait, traitlets.Union):
        kinds = [kind for one in trait.trait_types for kind in type_of(one).split("|") if kind != "code"]
        return "any" if "any" in kinds else "|".join(dict.fromkeys(kinds)) or "code"
    if type(trait).__name__ == "Callable":
        return "code"
    for kinds, name in PLAIN:
        if isinstance(trait, kinds):
            return name
    if isinstance(trait, traitlets.Enum):
        values = [value for value in trait.values if isinstance(value, (str, int))]
        return f"enum[{','.join(map(str, values))}]" if values and all(isinstance(v, str) for v in values) else "any"
    if isinstance(trait, (traitlets.List, traitlets.Set, traitlets.Tuple)):
        return containing("list", getattr(trait, "_trait", None))
    if isinstance(trait, traitlets.Dict):
        return containing("map", getattr(trait, "_value_trait", None))
    return "any"


def containing(kind, trait):
    """Return the type of a container."""
    inner = type_of(trait) if trait is not None else "any"
    return kind if inner == "any" or "code" in inner else f"{kind}[{inner}]"


def all_below(cls):
    """Yield the subclasses of a class, and theirs."""
    for child in cls.__subclasses__():
        yield child
        yield from all_below(child)


def entry_points(group):
    """Return the entry points of a group."""
    found = importlib.metadata.entry_points(group=group)
    return {entry.name: entry.value.rpartition(":")[2] for entry in sorted(found)}


def scopes():
    """Return the scopes that roles may name."""
    try:
        from jupyterhub.scopes import scope_definitions
    except ImportError:
        return []
    return sorted(scope_definitions)


def main():
    for name in (*(f"jupyterhub.{module}" for module in MODULES), "kubespawner"):
        importlib.import_module(name)
    for module in pkgutil.iter_modules(oauthenticator.__path__):
        if module.name not in ("tests", "_version"):
            try:
                importlib.import_module(f"oauthenticator.{module.name}")
            except ImportError:
                continue  # a module that only says what took its place
    classes = {}
    for cls in sorted({Application, *all_below(Configurable)}, key=lambda cls: cls.__name__):
        if cls is not Application and (cls.__module__.split(".")[0] not in OURS or "singleuser" in cls.__module__):
            continue
        bases = [
            base for base in cls.__mro__[1:] if issubclass(base, traitlets.HasTraits) and base.__module__.split(".")[0] in OURS
        ]
        bases += [Application] if issubclass(cls, Application) and cls is not Application else []
        traits = {name: type_of(trait) for name, trait in sorted(cls.class_own_traits(config=True).items())}
        classes[cls.__name__] = [[base.__name__ for base in bases], traits]
    packages = {name: importlib.metadata.version(name) for name in ("jupyterhub", "oauthenticator", "jupyterhub-kubespawner")}
    known = {
        "packages": packages,
        "authenticators": entry_points("jupyterhub.authenticators"),
        "spawners": entry_points("jupyterhub.spawners"),
        "scopes": scopes(),
        "classes": classes,
    }
    json.dump(known, sys.stdout)


main()
