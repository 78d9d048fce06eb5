"""The processes that play and draw: begun when they are asked, begun again when they are gone, ended with the server."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest

from app.core.errors import InvalidInput, Missing, Refused
from app.jobs.theatre import DRAW, PLAY, Theatre

WORLD = {
    "environment": "gridworld", "environment_config": {}, "step": 1,
    "chance": {"seed": 1, "evaluation": 1, "lane": 2},
}  # fmt: skip


@pytest.fixture
def theatre(tmp_path: Path) -> Iterator[Theatre]:
    made = Theatre(tmp_path, 2000)
    yield made
    made.close()


def test_a_game_is_played_and_lost_with_its_process_which_is_begun_again(theatre: Theatre) -> None:
    assert not theatre.is_open(PLAY)
    begun = theatre.ask(PLAY, {**WORLD, "type": "begin", "play": "a"})
    assert theatre.is_open(PLAY)
    assert begun.arrays["states"].shape == (1, 1)
    moved = theatre.ask(PLAY, {"type": "step", "play": "a"}, {"actions": np.zeros(3, np.int64)})
    assert moved.header["length"] == len(moved.arrays["states"]) == 3
    process = psutil.Process(theatre._processes[PLAY].pid)
    process.kill()
    process.wait(10)
    with pytest.raises((Missing, Refused)):
        theatre.ask(PLAY, {"type": "step", "play": "a"}, {"actions": np.zeros(1, np.int64)})
    assert theatre.ask(PLAY, {**WORLD, "type": "begin", "play": "b"}).header["length"] == 0


def test_a_refusal_comes_back_as_it_was_raised_and_drawing_has_the_lowest_priority(theatre: Theatre) -> None:
    with pytest.raises(InvalidInput, match="drawn by the browser"):
        theatre.images("film", WORLD, np.zeros(3, np.int64), first=0, count=2)
    assert psutil.Process(theatre._processes[DRAW].pid).nice() == 19


def test_a_closed_theatre_leaves_no_process(theatre: Theatre) -> None:
    theatre.ask(PLAY, {"type": "end", "play": "never begun"})
    process = psutil.Process(theatre._processes[PLAY].pid)
    theatre.close()
    process.wait(10)
    with pytest.raises(Refused, match="closing"):
        theatre.ask(PLAY, {"type": "end", "play": "a"})
