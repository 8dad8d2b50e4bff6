"""The order of tests. Any order is allowed, except within a story.

A story is a file, or several files of a directory, whose tests are the steps of one transcript (`pytest.mark.story`). A step that is
selected alone brings the steps before it, and a shuffle leaves the steps in their order.
"""

import random
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path

import pytest

Story = tuple[Path, ...]
"""The files of a story, in their order."""


def shuffled(items: Sequence[pytest.Item], seed: int) -> list[pytest.Item]:
    """Return the tests in a random order: files, and the tests of each file."""
    chance = random.Random(seed)
    files = [list(tests) for _, tests in groupby(items, key=lambda item: item.path)]
    chance.shuffle(files)
    return [test for tests in files for test in chance.sample(tests, len(tests))]


def with_stories(items: Sequence[pytest.Item]) -> Iterator[pytest.Item]:
    """Yield the tests; the steps of a story follow one another in their order, from the first to the last one that is selected."""
    selected = {item.nodeid for item in items}
    begun: set[Story] = set()
    for item in items:
        story = story_of(item)
        if not story:
            yield item
        elif story not in begun:
            begun.add(story)
            yield from up_to_the_last(steps(item, story), selected)


def story_of(item: pytest.Item) -> Story:
    """Return the story of a test; empty when it has none."""
    marker = item.get_closest_marker("story")
    return tuple(item.path.with_name(name) for name in marker.args or [item.path.name]) if marker else ()


def steps(item: pytest.Item, story: Story) -> Iterator[pytest.Item]:
    """Collect all tests of the story of `item`."""
    module = item.getparent(pytest.Module)
    assert module is not None and module.parent is not None
    for path in story:
        file = module if path == item.path else pytest.Module.from_parent(module.parent, path=path)
        yield from (step for step in file.collect() if isinstance(step, pytest.Item))


def up_to_the_last(found: Iterator[pytest.Item], selected: set[str]) -> list[pytest.Item]:
    tests = list(found)
    last = max(place for place, test in enumerate(tests) if test.nodeid in selected)
    return tests[: last + 1]
