"""Games are the agent's world: the same start, the same chance, the same numbers; they are bounded and forgotten."""

from typing import Any

import numpy as np
import pytest

from app import catalog
from app.core.contracts import Problem
from app.core.errors import InvalidInput, Missing, Refused
from app.jobs import stage as stage_module
from app.jobs.stage import Stage
from app.training.evaluation import Replay, evaluate

RIFF = b"RIFF"


class Restless:
    """Acts by chance, so that episodes of every lane differ; what it does is what a replay records."""

    def __init__(self, world: Any) -> None:
        self.random, self.world = Problem(world, 5, 1).stream("restless"), world

    def act(self, observations: Any, greedy: bool, random: Any = None) -> Any:
        shares = self.random.uniforms(len(observations), 1, self.world.n_actions)[:, 0]
        if self.world.action_bounds is None:
            return (shares[:, 0] * self.world.n_actions).astype(np.int64)
        low, high = self.world.action_bounds.T
        return np.asarray(low + (high - low) * shares, np.float32)


def replays_of(environment: str) -> tuple[Replay, ...]:
    spec = catalog.environment(environment)
    world = spec.make(spec.config())
    agent: Any = Restless(world)
    return evaluate(agent, world, seed=5, number=3, episodes=4, features=False).replays


def asked(environment: str, replay: Replay, **more: Any) -> dict[str, Any]:
    chance = {"seed": 5, "evaluation": 3, "lane": replay.lane}
    return {"environment": environment, "environment_config": {}, "step": 100, "chance": chance, **more}


@pytest.mark.parametrize("environment", ["FrozenLake-v1", "Taxi-v4", "CartPole-v1", "Pendulum-v1", "LunarLander-v3"])
def test_who_does_what_the_agent_did_meets_what_the_agent_met(environment: str) -> None:
    for replay in replays_of(environment):
        stage = Stage()
        first = stage.answer(asked(environment, replay, type="begin", play="a"), {})[1]["states"]
        facts, arrays = stage.answer({"type": "step", "play": "a"}, {"actions": replay.actions})
        assert np.concatenate([first, arrays["states"]]).tobytes() == replay.states.tobytes()
        assert facts["return"] == pytest.approx(replay.total, abs=1e-9)
        assert (facts["length"], facts["terminated"], facts["truncated"]) == (
            replay.length, replay.terminated, replay.truncated
        )  # fmt: skip


def test_the_end_of_the_episode_ends_the_game() -> None:
    replay = replays_of("CartPole-v1")[0]
    stage = Stage()
    stage.answer(asked("CartPole-v1", replay, type="begin", play="a"), {})
    left = {"actions": np.zeros(100, np.int64)}
    facts, arrays = stage.answer({"type": "step", "play": "a"}, left)
    assert facts["terminated"]
    assert len(arrays["states"]) == facts["length"] == facts["return"] < 15
    again, none = stage.answer({"type": "step", "play": "a"}, left)
    assert (again, len(none["states"])) == (facts, 0)


def test_games_are_bounded_and_those_that_rest_make_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stage_module, "MOST_GAMES", 2)
    replay = replays_of("CartPole-v1")[0]
    now = 0.0
    stage = Stage(clock=lambda: now)

    def begin(name: str) -> None:
        stage.answer(asked("CartPole-v1", replay, type="begin", play=name), {})

    begin("a")
    begin("b")
    with pytest.raises(Refused, match="at most 2"):
        begin("c")
    now = stage_module.ABANDONED_S
    stage.answer({"type": "step", "play": "b"}, {"actions": np.zeros(1, np.int64)})
    begin("c")
    with pytest.raises(Missing, match="no such game"):
        stage.answer({"type": "step", "play": "a"}, {"actions": np.zeros(1, np.int64)})
    stage.answer({"type": "end", "play": "b"}, {})
    begin("d")


def test_an_episode_of_a_simulator_is_drawn_from_any_moment_in_portions_where_that_takes_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(stage_module, "PATIENCE_S", 600.0)
    replay = replays_of("LunarLander-v3")[0]
    stage = Stage()

    def drawn(first: int, count: int) -> list[bytes]:
        header = asked("LunarLander-v3", replay, type="draw", film="1", first=first, count=count)
        facts, arrays = stage.answer(header, {"actions": replay.actions})
        ends = np.cumsum([0, *facts["sizes"]])
        body = arrays["images"].tobytes()
        return [body[ends[i] : ends[i + 1]] for i in range(len(ends) - 1)]

    opening = drawn(0, 6)
    assert all(image[:4] == RIFF and image[8:12] == b"WEBP" for image in opening)
    assert len(set(opening)) == 6
    assert drawn(6, 2) != opening[:2]
    assert drawn(2, 2) == opening[2:4]
    assert len(drawn(len(replay.actions), 9)) == 1
    monkeypatch.setattr(stage_module, "PATIENCE_S", -1.0)
    assert drawn(0, 6) == opening[:1]
    assert drawn(1, 5) == opening[1:2]


def test_what_the_browser_draws_is_not_drawn_here() -> None:
    replay = replays_of("CartPole-v1")[0]
    header = asked("CartPole-v1", replay, type="draw", film="1", first=0, count=1)
    with pytest.raises(InvalidInput, match="drawn by the browser"):
        Stage().answer(header, {"actions": replay.actions})
