"""The sentence about a platform without a status: it names what the user of the command may know, and no more."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kopf._cogs.structs.references import match_namespace
from notebook_platform.cli.silence import OperatorSigns, _matches, explain

from tests.unit.cli_watch.bodies import NOW

FRESH, OLD = NOW - timedelta(seconds=5), NOW - timedelta(hours=3)


@pytest.mark.parametrize(
    ("signs", "words"),
    [
        (OperatorSigns(), "either no operator runs, or it does not serve the namespace team. "),
        (OperatorSigns(leases=True), "no operator runs in the namespace notebook-platform: it has no Lease there. "),
        (OperatorSigns(where="operators", leases=True), "no operator runs in the namespace operators: it has no Lease there. "),
        (
            OperatorSigns(where="operators", leases=True, renewed=OLD),
            "no operator runs: its Lease was last renewed 3 h 0 min ago. `kubectl logs -n operators deployment/notebook-platform` ",
        ),
        (
            OperatorSigns(leases=True, renewed=OLD, may_write=False),
            "no operator runs: its Lease was last renewed 3 h 0 min ago. ",
        ),
        (
            OperatorSigns(leases=True, renewed=FRESH, may_write=False),
            "the operator has no rights in the namespace team. Apply it in ",
        ),
        (OperatorSigns(may_write=False), "the operator has no rights in the namespace team. "),
        (
            OperatorSigns(leases=True, renewed=FRESH, may_write=True, serves=["platforms", "hub-*"]),
            "the operator does not serve the namespace team, but platforms, hub-*. Apply it in ",
        ),
        (
            OperatorSigns(leases=True, renewed=FRESH, may_write=True, serves=["platforms", "te*"]),
            "the operator runs and is allowed to write here; `kubectl logs -n notebook-platform deployment/notebook-platform` shows ",
        ),
        (OperatorSigns(may_write=True), "either no operator runs, or "),
    ],
)
def test_the_sentence_follows_from_what_can_be_read(signs: OperatorSigns, words: str) -> None:
    assert explain("team", signs, NOW).startswith(words)


PARTS = st.builds("{}{}".format, st.sampled_from(["", "!"]), st.text("ab*?", min_size=1, max_size=4))


@given(st.text("ab", min_size=1, max_size=4), st.lists(PARTS, min_size=1, max_size=4).map(", ".join))
def test_a_pattern_has_the_namespaces_that_it_has_for_kopf(namespace: str, pattern: str) -> None:
    assert _matches(namespace, pattern) == match_namespace(namespace, pattern)  # type: ignore[arg-type]
