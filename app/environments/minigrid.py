"""MiniGrid: small rooms seen from within, 7 × 7 cells ahead of the agent (the extra `minigrid`).

The simulators are the package minigrid's own: `app/parts/gym_batch.py` steps them together. Seen are of each of the 49 cells
what it is, its colour and its state, divided by 10 and written as one row; the mission's text is left out, because it is
the same in every episode here. The reward is 1 − 0.9·steps/limit on arrival, else 0: a ladder of ever harder exploration,
from an empty room through a locked door to four rooms. The same world seen from elsewhere is another observation.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from app.core.config import Config
from app.core.specs import EnvironmentSpec, Reference
from app.core.text import _
from app.parts.extras import needs
from app.parts.gym_batch import GymEnvironment

OBSERVATION_SIZE, N_ACTIONS = 7 * 7 * 3, 7
SCALE = 0.1


class MiniGridConfig(Config):
    """Nothing to choose: rooms and limits are the registered ones."""


def open_minigrid(id: str, render_mode: str | None = None) -> Any:
    """Open one of minigrid's environments; of what is seen, only the picture is kept."""
    import gymnasium
    from minigrid.wrappers import ImgObsWrapper

    return ImgObsWrapper(gymnasium.make(id, disable_env_checker=True, max_episode_steps=-1, render_mode=render_mode))


def _maker(id: str, max_episode_steps: int) -> Callable[[MiniGridConfig], GymEnvironment]:
    def make(config: MiniGridConfig) -> GymEnvironment:
        return GymEnvironment(
            id, partial(open_minigrid, id), N_ACTIONS, OBSERVATION_SIZE, max_episode_steps, scale=SCALE
        )

    return make


def _spec(id: str, name: str, summary: str, limit: int, references: tuple[Reference, ...] = ()) -> EnvironmentSpec:
    return EnvironmentSpec(
        id=id,
        name=name,
        summary=summary,
        version=1,
        kind="continuous",
        config=MiniGridConfig,
        make=_maker(id, limit),
        actions=(_("Left"), _("Right"), _("Forward"), _("Pick up"), _("Drop"), _("Toggle"), _("Done")),
        drawing="minigrid",
        keys=("ArrowLeft", "ArrowRight", "ArrowUp", "p", "o", "t", "q"),
        size=_("147 numbers, 7 actions"),
        success=0.01,
        references=lambda config: references,
        source=_("minigrid, Chevalier-Boisvert and others (2023)"),
        missing=needs("minigrid", "minigrid"),
    )


SPECS = (
    _spec(
        "MiniGrid-Empty-5x5-v0", _("MiniGrid, empty 5×5"), _("Cross an empty room to the green cell, seen from within."), 100,
        (Reference(_("Optimum"), 0.955, _("exact: five steps of 100, 1 − 0.9·5/100")),),
    ),
    _spec(
        "MiniGrid-DoorKey-5x5-v0", _("MiniGrid, door and key 5×5"),
        _("Find the key, open the door, cross to the green cell; nothing is paid on the way."), 250,
        (Reference(_("PPO, rl-zoo3 (100k steps)"), 0.964, _("rl-zoo3 benchmark, one run, tuned")),),
    ),
    _spec(
        "MiniGrid-FourRooms-v0", _("MiniGrid, four rooms"),
        _("Search four rooms for the green cell within 100 steps; chance alone rarely finds it."), 100,
    ),
)  # fmt: skip
