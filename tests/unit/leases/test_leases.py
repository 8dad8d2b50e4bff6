"""Shards, shares and identities: the rules by which replicas divide the platforms. Each test runs the real rule on plain data."""

import uuid

import pytest
from notebook_platform.leases.balance import View, to_ask, to_take
from notebook_platform.leases.observations import Observations
from notebook_platform.leases.shards import Shard, fnv1a, shard_of, shards
from notebook_platform.leases.store import Lease


def test_every_platform_is_in_exactly_one_shard_by_the_hash_that_the_api_server_uses() -> None:
    assert fnv1a("") == 0xCBF29CE484222325 and fnv1a("foobar") == 0x85944171F73967E8  # the vectors of FNV's authors
    uids = [str(uuid.uuid4()) for _ in range(500)]
    for count in (1, 2, 3, 4, 64):
        assert all(sum(shard.includes(uid) for shard in shards(count)) == 1 for uid in uids)
    held = [sum(shard.includes(uid) for uid in uids) for shard in shards(4)]
    assert min(held) > 80, held


def test_the_selectors_of_all_shards_cover_the_hashes_without_a_gap() -> None:
    found = [shard.selector or "" for shard in shards(3)]
    bounds = [selector.split("'")[1::2] for selector in found]
    assert bounds[0][0] == "0x0000000000000000" and bounds[-1][1] == "0x10000000000000000"
    assert [end for _, end in bounds[:-1]] == [start for start, _ in bounds[1:]]
    assert all(len(bound) == 18 for pair in bounds for bound in pair[:1]) and shards(1)[0].selector is None


@pytest.mark.parametrize("shard", [Shard(0, 1), Shard(0, 2), Shard(63, 64)])
def test_the_name_of_a_lease_names_its_shard(shard: Shard) -> None:
    assert shard_of(shard.lease("np"), "np") == shard
    assert shard_of(shard.lease("other"), "np") is None
    assert shard_of("np-4-of-4", "np") is None


def lease(shard: Shard, holder: str, *, renewed: str = "1", wanted_by: str = "", duration: float = 15) -> Lease:
    names = {"namespace": "ns", "name": shard.lease("np"), "version": f"{renewed} {wanted_by}"}
    return Lease(**names, holder=holder, duration=duration, transitions=0, renewed=renewed, wanted_by=wanted_by)


class Fleet:
    """Replicas that apply the rules in turn until nothing changes."""

    def __init__(self, count: int, *replicas: str) -> None:
        self.shards, self.replicas = shards(count), list(replicas)
        self.holders = dict.fromkeys(self.shards, "")
        self.wanted = dict.fromkeys(self.shards, "")
        self.free = dict.fromkeys(self.shards, 0.0)

    def view(self, me: str) -> View:
        leases = {s: lease(s, self.holders[s], wanted_by=self.wanted[s]) for s in self.shards}
        free = {s: self.free[s] for s in self.shards if not self.holders[s]}
        return View(me, 1.0, free, leases, tuple(s for s in self.shards if self.holders[s] == me))

    def round(self) -> None:
        for me in self.replicas:
            for shard in self.shards:
                if self.holders[shard] == me and self.wanted[shard] not in ("", me):
                    self.holders[shard], self.free[shard] = "", 0.0
            for shard in to_take(self.view(me)):
                self.holders[shard], self.wanted[shard] = me, ""
            if (asked := to_ask(self.view(me))) is not None:
                self.wanted[asked] = me
        self.free = {shard: waited + 1 for shard, waited in self.free.items()}

    def held(self) -> list[int]:
        return sorted(list(self.holders.values()).count(me) for me in self.replicas)


def test_replicas_share_the_shards_after_a_start_an_arrival_and_a_death() -> None:
    fleet = Fleet(8, "a")
    fleet.round(), fleet.round()
    assert fleet.held() == [8], "one replica alone serves all platforms"
    fleet.replicas += ["b", "c"]
    for _ in range(40):
        fleet.round()
        assert list(fleet.holders.values()).count("") <= 2
    assert fleet.held() == [2, 3, 3]
    before = dict(fleet.holders)
    for _ in range(10):
        fleet.round()
    assert fleet.holders == before, "equal shares are left alone"
    fleet.replicas.remove("a")
    fleet.holders = {shard: "" if holder == "a" else holder for shard, holder in fleet.holders.items()}
    fleet.free = dict.fromkeys(fleet.shards, 0.0)
    for _ in range(20):
        fleet.round()
    assert fleet.held() == [4, 4]


def test_one_shard_is_never_asked_for_and_another_number_of_shards_is_waited_for() -> None:
    one = Shard(0, 1)
    assert to_ask(View("b", 1.0, {}, {one: lease(one, "a")}, ())) is None
    assert to_take(View("b", 1.0, {one: 9.0}, {}, (), foreign=("np-0-of-4",))) == []
    assert to_take(View("b", 1.0, {one: 0.0}, {}, ())) == [one]


def test_a_lease_expires_by_this_replicas_clock_and_only_without_a_renewal() -> None:
    seen, one = Observations(15), Shard(0, 1)
    assert not seen.expired(lease(one, "a", renewed="1"), 100.0, 101.0)
    assert not seen.expired(lease(one, "a", renewed="1"), 115.9, 130.0), "it counts from when the renewal was first read"
    assert seen.expired(lease(one, "a", renewed="1", wanted_by="b"), 116.0, 116.1), "an annotation is no renewal"
    assert not seen.expired(lease(one, "a", renewed="2"), 117.0, 117.1)
    assert not seen.expired(lease(one, "a", renewed="2"), 131.0, 131.1)


def test_a_lease_that_a_user_has_shortened_cleared_or_deleted_is_waited_for_as_long_as_its_holder_may_write() -> None:
    one = Shard(0, 1)
    for edited in (lease(one, "a", duration=1), lease(one, ""), None):
        seen = Observations(15)
        assert not seen.expired(lease(one, "a"), 100.0, 101.0)
        for now, live in ((102.0, True), (113.0, True), (118.0, False)):
            if edited is None:
                assert [*seen.deleted("ns", (), now)] == (["np"] if live else [])
            else:
                assert seen.expired(edited, now, now) is not live, (edited, now)
    assert Observations(15).expired(lease(one, "", duration=1), 100.0, 101.0), "its holder has released it"
