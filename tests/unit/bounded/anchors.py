"""YAML documents with anchors, aliases and merge keys, and what Helm reads from them."""

from typing import Any

ANCHORS: list[tuple[str, Any]] = [
    ("a: &a {x: 1, z: 2}\nb: {<<: *a, z: 3}\n", {"a": {"x": 1, "z": 2}, "b": {"x": 1, "z": 3}}),
    ("a: &a {x: 1, z: 2}\nb: {z: 3, <<: *a}\n", {"a": {"x": 1, "z": 2}, "b": {"x": 1, "z": 2}}),
    (
        "a: &a {x: 1}\nc: &c {x: 2, z: 5}\nb: {<<: [*a, *c], q: 1}\n",
        {"a": {"x": 1}, "c": {"x": 2, "z": 5}, "b": {"x": 1, "z": 5, "q": 1}},
    ),
    ("b: {<<: {x: 1}, q: 1}\n", {"b": {"x": 1, "q": 1}}),
    ("b: {<<: [{x: 1}, {x: 2, w: 3}]}\n", {"b": {"x": 1, "w": 3}}),
    ('b: {"<<": {x: 1}, q: 1}\n', {"b": {"<<": {"x": 1}, "q": 1}}),
    ("b: {<<: []}\n", {"b": {}}),
    ("a: &a x\nb: {*a : 1}\n", {"a": "x", "b": {"x": 1}}),
    ("b: {&k key: 1, c: *k}\n", {"b": {"key": 1, "c": "key"}}),
    ("a: &a 1\nb: &a 2\nc: *a\n", {"a": 1, "b": 2, "c": 2}),
    ("a: &a 1\nb: *a\nc: &a 2\n", {"a": 1, "b": 1, "c": 2}),
    ("a: &a {x: {p: 1}}\nb: {<<: *a, x: {q: 2}}\n", {"a": {"x": {"p": 1}}, "b": {"x": {"q": 2}}}),
    ("a: &a !!str 1\nb: *a\n", {"a": "1", "b": "1"}),
    ("a: &a 0x10\nb: [*a, *a]\n", {"a": 16, "b": [16, 16]}),
    ("a: &a\nb: *a\n", {"a": None, "b": None}),
    (
        "a: &a {x: 1}\nb: &b {<<: *a, w: 2}\nc: {<<: *b, z: 3}\n",
        {"a": {"x": 1}, "b": {"x": 1, "w": 2}, "c": {"x": 1, "w": 2, "z": 3}},
    ),
    ("a: &a {x: 1}\nb: {<<: *a, <<: {w: 1}}\n", {"a": {"x": 1}, "b": {"x": 1, "w": 1}}),
    ("a: &a [1, {b: 2}]\nb: *a\n", {"a": [1, {"b": 2}], "b": [1, {"b": 2}]}),
    ("&r {a: 1}\n", {"a": 1}),
    ("a: &a {1: x}\nb: {<<: *a}\n", {"a": {"1": "x"}, "b": {"1": "x"}}),
    ("a: &a {x: null}\nb: {<<: *a}\n", {"a": {"x": None}, "b": {"x": None}}),
    ("a: {c: &a {x: 1, w: {z: 1}}, d: {<<: *a, w: }}\n", {"a": {"c": {"x": 1, "w": {"z": 1}}, "d": {"x": 1, "w": None}}}),
    (
        "custom:\n  cpu: &cpu {limit: 2, guarantee: 1}\nsingleuser:\n  cpu:\n    <<: *cpu\n    limit: 4\n  profileList:\n"
        "  - &base\n    display_name: Small\n    kubespawner_override: {cpu_limit: 1}\n  - <<: *base\n    display_name: Large\n",
        {
            "custom": {"cpu": {"limit": 2, "guarantee": 1}},
            "singleuser": {
                "cpu": {"limit": 4, "guarantee": 1},
                "profileList": [
                    {"display_name": "Small", "kubespawner_override": {"cpu_limit": 1}},
                    {"display_name": "Large", "kubespawner_override": {"cpu_limit": 1}},
                ],
            },
        },
    ),
]
"""(text, what Helm 3.22 reads). https://yaml.org/type/merge.html; the order of members counts, as in go-yaml v2."""
