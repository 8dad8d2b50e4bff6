"""Token buckets: never more than burst and rate, a turn for each platform, and what Azure's responses teach."""

import sys
import threading
from collections import Counter
from copy import copy
from itertools import pairwise
from types import SimpleNamespace

import pytest
from azure.core.pipeline import PipelineContext, PipelineRequest, PipelineResponse
from azure.core.rest import HttpRequest
from hypothesis import given
from hypothesis import strategies as st
from notebook_platform.azure.arm.rate_limit import Buckets, ThrottlePolicy
from notebook_platform.azure.arm.retry_after import retry_after
from notebook_platform.azure.arm.token_bucket import FORGET_SECONDS, GRANT_SECONDS, Bucket, Limit

SUBSCRIPTION = "00000000-0000-0000-0000-000000000001"
CLUSTER = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/g/providers/Microsoft.ContainerService/managedClusters/c"


def sent(bucket: Bucket, platform: str, now: float) -> bool:
    """Send one request if the bucket allows it."""
    if bucket.wait(platform, now) > 0:
        return False
    bucket.spend(platform, now)
    return True


@pytest.mark.parametrize("needs", [1, 4, 12])
def test_four_hundred_platforms_that_are_late_for_their_turns_still_use_most_of_the_rate(needs: int) -> None:
    """Azure reports what remains after each request, and its own bucket is never fuller than its burst."""
    limit = Limit(burst=250, rate=25, grant=4, most=20)
    bucket, tokens, now, total = Bucket(limit, 0.0), 250.0, 0.0, 0
    due = {f"p{number}": 0.0 for number in range(400)}
    while now < 300:
        for platform in [one for one, at in due.items() if at <= now]:
            for _ in range(needs):
                if wait := bucket.wait(platform, now):
                    due[platform] = now + wait + 2.0
                    break
                bucket.spend(platform, now)
                tokens, total = tokens - 1, total + 1
                bucket.correct(max(0, int(tokens)), now)
            else:
                due[platform] = now + 1.0
        now += 0.25
        tokens = min(250.0, tokens + 25 * 0.25)
    assert total >= 0.6 * 25 * 300 and tokens > -25


@pytest.mark.parametrize("needs", [1, 12, 20])
def test_a_platform_whose_turn_is_delayed_does_not_begin_a_reconcile_that_sends_nothing(needs: int) -> None:
    """The platforms before it send more requests than their turns reserve, so its turn comes later than the time it was given."""
    now = 0.0
    buckets = Buckets(clock=lambda: now)
    bucket = buckets.of("reads", Limit(burst=250, rate=25, grant=4, most=20), SUBSCRIPTION)
    reconciles, wake, left = Counter[str](), dict.fromkeys(map(str, range(300)), 0.0), dict.fromkeys(map(str, range(300)), needs)
    while left and now < 1000:
        for platform in [one for one in left if wake[one] <= now]:
            if wait := buckets.turn_of(platform):
                wake[platform] = now + wait
                continue
            reconciles[platform] += 1
            while left[platform] and not (wait := buckets.take(platform, [bucket])):
                left[platform] -= 1
            if not left[platform]:
                del left[platform]
            wake[platform] = now + wait
        now += 0.25
    assert not left and max(reconciles.values()) <= 2


PAUSES = st.lists(st.tuples(st.sampled_from("abcd"), st.floats(0, 5)), max_size=150)


@given(PAUSES, st.integers(1, 10), st.floats(0.1, 5), st.integers(1, 4))
def test_requests_never_exceed_burst_and_rate_in_any_window(
    asked: list[tuple[str, float]], burst: int, rate: float, grant: int
) -> None:
    bucket, now, times, count = Bucket(Limit(burst=burst, rate=rate, grant=grant), 0.0), 0.0, [], Counter[str]()
    for platform, pause in asked:
        now += pause
        if sent(bucket, platform, now):
            times.append(now)
            count[platform] += 1
    # a turn of more requests than it reserves takes those of the future, and follows turns that together had as many
    early = (max(count.values(), default=0) + grant) / 2
    for first in range(len(times)):
        for last in range(first, len(times)):
            # a grant that is due may be used later, together with the next one
            assert last - first + 1 <= burst + 4 * grant + early + (times[last] - times[first]) * rate + 1e-6
    assert len(times) <= burst + early + now * rate + 1e-6


@given(st.integers(2, 40))
def test_each_platform_that_waits_gets_its_turn_when_it_was_promised_and_none_polls(platforms: int) -> None:
    bucket = Bucket(Limit(burst=1, rate=1 / 60), 0.0)
    assert sent(bucket, "first", 0.0)
    due = {f"p{number}": bucket.wait(f"p{number}", 0.0) for number in range(platforms)}
    assert list(due.values()) == pytest.approx([60.0 * (number + 1) for number in range(platforms)])
    for platform, at in due.items():
        assert not sent(bucket, "latecomer", at)
        assert sent(bucket, platform, at + 0.01)


def test_a_platform_with_many_requests_takes_turns_with_one_that_has_few() -> None:
    bucket, now, count = Bucket(Limit(burst=5, rate=1), 0.0), 0.0, Counter[str]()
    while now < 100:
        for platform in ("greedy", "greedy", "greedy", "modest"):
            count[platform] += sent(bucket, platform, now)
        now += 0.25
    assert count["modest"] >= 45


@pytest.mark.parametrize("limit", [Limit(burst=1, rate=1), Limit(burst=60, rate=1, grant=1, most=5)])
def test_a_reconcile_that_needs_more_than_a_turn_gets_its_last_request_sent(limit: Limit) -> None:
    bucket, now, needs = Bucket(limit, 0.0), 0.0, 23
    bucket.refuse(5, now)
    for _ in range(10):
        sent = 0
        while sent < needs and not (wait := bucket.wait("p", now)):
            bucket.spend("p", now)
            sent += 1
        if sent == needs:
            return
        now += wait
    raise AssertionError("each reconcile began again with the same requests and came no further")


def test_a_grant_that_is_not_used_is_returned_and_those_behind_it_come_earlier() -> None:
    bucket = Bucket(Limit(burst=1, rate=1 / 100), 0.0)
    assert sent(bucket, "first", 0.0)
    waits = [bucket.wait(name, 0.0) for name in ("gone", "next", "last")]
    assert waits == pytest.approx([100, 200, 300])
    now = 100 + GRANT_SECONDS + 1
    assert bucket.wait("last", now) == 0 or bucket.wait("last", now) == pytest.approx(0)
    assert sent(bucket, "next", now)


def test_a_bucket_follows_azure_when_other_clients_use_up_its_tokens() -> None:
    bucket = Bucket(Limit(burst=100, rate=1), 0.0)
    bucket.correct(5, 0.0)
    assert [sent(bucket, "a", 0.0) for _ in range(6)] == [True] * 5 + [False]
    bucket.correct(0, 0.0)
    assert bucket.wait("b", 0.0) >= 4  # few remain by Azure's count: a pause


def test_a_refusal_stops_the_kind_of_request_for_as_long_as_azure_asks() -> None:
    bucket = Bucket(Limit(burst=20, rate=1), 0.0)
    assert sent(bucket, "a", 0.0)
    bucket.refuse(30, 0.0)
    assert not sent(bucket, "b", 29.0)
    assert sent(bucket, "b", 31.1)


def test_a_limit_that_is_not_known_is_learned_from_refusals_and_forgotten_later() -> None:
    bucket = Bucket(None, 0.0)
    assert all(sent(bucket, "a", 0.0) for _ in range(1000))
    bucket.refuse(3, 0.0)
    assert not sent(bucket, "a", 1.0)
    due = [bucket.wait(f"p{number}", 1.0) for number in range(4)]
    assert [round(after - before, 3) for before, after in pairwise(due)] == [3, 3, 3]
    for number in range(4):
        assert sent(bucket, f"p{number}", 1.0 + due[number] + 0.01)
    assert sent(bucket, "a", FORGET_SECONDS + 100) and sent(bucket, "a", FORGET_SECONDS + 100)


@pytest.mark.parametrize("wait", [1.0, 60.0, 300.0])
def test_one_refusal_does_not_slow_a_thousand_waiting_platforms_for_good(wait: float) -> None:
    """They ask again at most a minute later than they expect, as the reconciler does."""
    bucket, now, waiting, begun = Bucket(None, 0.0), 0.0, [f"p{number}" for number in range(1000)], 0
    bucket.refuse(wait, 0.0)
    due = dict.fromkeys(waiting, 0.0)
    while due and now < 3600:
        for platform in [one for one, at in due.items() if at <= now]:
            if left := bucket.wait(platform, now):
                due[platform] = now + min(left, 60.0)
            else:
                bucket.spend(platform, now)
                del due[platform]
                begun += now < wait
        now += 1.0
    assert now <= FORGET_SECONDS + 70 and begun == 0


@given(
    st.lists(st.tuples(st.sampled_from(["wait", "correct", "refuse"]), st.sampled_from("abc"), st.floats(0, 500)), max_size=60)
)
def test_whatever_azure_reports_the_wait_of_a_platform_has_a_limit(events: list[tuple[str, str, float]]) -> None:
    bucket, now = Bucket(Limit(burst=20, rate=1 / 60), 0.0), 0.0
    for kind, platform, number in events:
        now += number / 10
        if kind == "wait":
            sent(bucket, platform, now)
        elif kind == "correct":
            bucket.correct(int(number), now)
        else:
            bucket.refuse(number + 0.1, now)
    for _ in range(1000):
        wait = bucket.wait("z", now)
        if wait == 0:
            break
        now += wait
    assert wait == 0


def test_requests_are_counted_by_principal_subscription_and_kind_of_resource() -> None:
    time = [0.0]
    buckets = Buckets(clock=lambda: time[0])
    put = buckets.provider("PUT", CLUSTER, SUBSCRIPTION)
    assert put is not None and put is buckets.provider("PUT", CLUSTER.upper(), SUBSCRIPTION)
    assert put is not buckets.provider("PUT", f"{CLUSTER}2", SUBSCRIPTION)
    assert sum(sent(put, "a", 0.0) for _ in range(30)) == 20
    assert buckets.provider("PUT", f"{CLUSTER}/agentPools/p", SUBSCRIPTION) is not put
    operations = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.ContainerService/locations/eastus/operations/"
    polls = buckets.provider("GET", f"{operations}1", SUBSCRIPTION)
    assert polls is not None and polls is buckets.provider("GET", f"{operations}2", SUBSCRIPTION)
    assert buckets.provider("PUT", f"/subscriptions/{SUBSCRIPTION}/resourcegroups/g", SUBSCRIPTION) is None
    custom = Buckets(documented=False).provider("PUT", CLUSTER, SUBSCRIPTION)
    assert custom is not None and all(sent(custom, "a", 0.0) for _ in range(1000))


def test_buckets_of_resources_that_rest_are_dropped() -> None:
    time = [0.0]
    buckets = Buckets(clock=lambda: time[0])
    for number in range(5000):
        time[0] += 60
        bucket = buckets.provider("PUT", f"{CLUSTER}{number}", SUBSCRIPTION)
        assert bucket is not None and sent(bucket, "a", time[0])
    assert buckets.fewest("cluster writes") >= 19 and buckets.count < 2500


def test_a_scrape_changes_no_bucket_and_does_not_fail_while_requests_add_some() -> None:
    """The metrics are served by a thread of their own."""
    buckets, ended = Buckets(), threading.Event()
    failed: list[Exception] = []

    def scrape() -> None:
        while not ended.is_set():
            try:
                buckets.fewest("cluster writes")
            except Exception as error:
                failed.append(error)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    thread = threading.Thread(target=scrape)
    thread.start()
    try:
        for number in range(3000):
            buckets.provider("PUT", f"{CLUSTER}{number}", SUBSCRIPTION)
    finally:
        ended.set()
        thread.join()
        sys.setswitchinterval(interval)
    assert failed == []


@given(st.lists(st.tuples(st.floats(0, 300), st.sampled_from("abc")), max_size=40), st.floats(0, 300))
def test_a_scrape_reads_the_level_of_a_bucket_without_changing_it(steps: list[tuple[float, str]], later: float) -> None:
    bucket, now = Bucket(Limit(burst=5, rate=0.5), 0.0), 0.0
    for seconds, platform in steps:
        now += seconds
        if bucket.wait(platform, now) == 0:
            bucket.spend(platform, now)
    before = {name: copy(value) for name, value in vars(bucket).items()}
    found = bucket.seen(now + later)
    assert vars(bucket) == before
    assert found <= bucket.level(now + later)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "17"}, 17.0),
        ({"retry-after-ms": "50", "Retry-After": "1"}, 0.05),
        ({"Retry-After": "0"}, None),
        ({"Retry-After": "1.5"}, None),
        ({"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}, None),
        ({"Retry-After": "٣"}, 3.0),
        ({"Retry-After": "9" * 5000}, None),
        ({}, None),
    ],
)
def test_only_a_whole_positive_number_of_seconds_is_a_wait(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers) == seconds


@pytest.mark.parametrize(
    ("remaining", "seconds"),
    [("Microsoft.Compute/Get3Min;0", 180), ("Microsoft.Compute/Get9999Min;0", 3600), ("x0Min;0,;;,Min;,-3Min;-1", 0)],
)
def test_what_remains_of_a_limit_of_compute_is_spread_over_an_hour_at_most(remaining: str, seconds: float) -> None:
    buckets, url = Buckets(clock=lambda: 0.0), f"https://localhost/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Compute/x"
    request = PipelineRequest(HttpRequest("GET", url), PipelineContext(None))
    answer = SimpleNamespace(status_code=200, headers={"x-ms-ratelimit-remaining-resource": remaining})
    ThrottlePolicy(buckets, SUBSCRIPTION, "p").on_response(
        request, PipelineResponse(request.http_request, answer, request.context)
    )
    _, bucket = buckets.of_resource_manager("GET", url, SUBSCRIPTION, "p")
    assert seconds <= bucket.wait("platform", 0.0) <= 2 * seconds


def test_a_new_bucket_lets_the_first_request_pass_although_its_clock_was_read_before() -> None:
    assert Bucket(Limit(burst=5, rate=1), 100.0).wait("one", 99.99) == 0.0
