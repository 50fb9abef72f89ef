"""Taking turns: six turns run every long case once, and each turn runs whatever is not long."""

from __future__ import annotations

import pytest

from tests.turns import TURNS

pytest_plugins = ("pytester",)

LONG = """
import pytest

@pytest.mark.turns
@pytest.mark.parametrize("case", range(8))
def test_long(case): ...

@pytest.mark.turns("point")
@pytest.mark.parametrize("point", "ab")
@pytest.mark.parametrize("service", range(3))
def test_matrix(point, service): ...

def test_short(): ...
"""
STORY = """
import pytest

pytestmark = pytest.mark.turns("file")

def test_first(): ...

def test_second(): ...
"""


@pytest.fixture
def tree(pytester: pytest.Pytester) -> pytest.Pytester:
    pytester.makepyfile(test_long=LONG, test_story=STORY)
    return pytester


def ran(tree: pytest.Pytester, *said: str) -> list[str]:
    lines = tree.runpytest("-p", "tests.turns", "-p", "no:asyncio", "-v", *said).outlines
    return [line.split()[0] for line in lines if "PASSED" in line]


def test_six_turns_run_each_long_case_once(tree: pytest.Pytester) -> None:
    everything = ran(tree)
    turns = [ran(tree, "--turn", str(turn)) for turn in range(TURNS)]

    assert len(everything) == 17
    assert all("test_long.py::test_short" in turn for turn in turns)
    long = [test for turn in turns for test in turn if not test.endswith("test_short")]
    assert sorted(long) == sorted(set(everything) - {"test_long.py::test_short"})
    assert max(map(len, turns)) < len(everything) / 2


def test_the_seventh_turn_is_the_first_again(tree: pytest.Pytester) -> None:
    assert ran(tree, "--turn", str(TURNS + 2)) == ran(tree, "--turn", "2")


FELLOWS = (
    {f"test_long.py::test_matrix[{service}-a]" for service in range(3)},
    {"test_story.py::test_first", "test_story.py::test_second"},
)


@pytest.mark.parametrize("fellows", FELLOWS, ids=["of a parameter", "of a file"])
def test_what_is_judged_together_is_run_together(tree: pytest.Pytester, fellows: set[str]) -> None:
    met = [fellows & set(ran(tree, "--turn", str(turn))) for turn in range(TURNS)]

    assert sorted(map(len, met)) == [0] * (TURNS - 1) + [len(fellows)]


def test_what_waits_is_counted_at_the_end(tree: pytest.Pytester) -> None:
    result = tree.runpytest("-p", "tests.turns", "-p", "no:asyncio", "--turn", "0")

    result.stdout.fnmatch_lines(
        ["*turn 0 of 6; what waits for another*", "*6 test_long.py::test_long"]
    )
