"""Atari 2600 games from their memory: 128 bytes instead of pictures (the extra `atari`), for those who have hours.

The simulators are the Arcade Learning Environment's own, version 5 of its settings (an action lasts four frames and is
repeated by chance with probability 0.25): `app/parts/gym_batch.py` steps them together. Seen is the machine's memory,
128 bytes divided by 255, because the networks here read rows of numbers; published scores are of agents that see pictures
for 10 million steps and more, which take a day on one processor, so none is drawn. Expect hours for Pong, and no miracle.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from app.core.config import Config
from app.core.specs import EnvironmentSpec
from app.core.text import _
from app.parts.extras import needs
from app.parts.gym_batch import GymEnvironment

OBSERVATION_SIZE = 128
MAX_EPISODE_STEPS = 27_000  # 108,000 frames, as the settings of version 5 have it


class AtariConfig(Config):
    """Nothing to choose: games run under the settings of version 5."""


def open_atari(id: str, render_mode: str | None = None) -> Any:
    """Open one of the Arcade Learning Environment's games."""
    import ale_py
    import gymnasium

    ale_py.ALEInterface.setLoggerMode(ale_py.LoggerMode.Error)
    gymnasium.register_envs(ale_py)
    return gymnasium.make(id, obs_type="ram", disable_env_checker=True, max_episode_steps=-1, render_mode=render_mode)


def _maker(id: str, game: str, n_actions: int) -> Callable[[AtariConfig], GymEnvironment]:
    def make(config: AtariConfig) -> GymEnvironment:
        return GymEnvironment(id, partial(open_atari, game), n_actions, OBSERVATION_SIZE, MAX_EPISODE_STEPS)

    return make


FIRE = (_("Nothing"), _("Fire"), _("Right"), _("Left"))


def _spec(id: str, game: str, name: str, summary: str, actions: tuple[str, ...]) -> EnvironmentSpec:
    return EnvironmentSpec(
        id=id,
        name=name,
        summary=summary,
        version=1,
        kind="continuous",
        config=AtariConfig,
        make=_maker(id, game, len(actions)),
        actions=actions,
        drawing="numbers",
        keys=("", "f", "ArrowRight", "ArrowLeft", "e", "q")[: len(actions)],
        size=_("128 bytes, {actions} actions; hours").format(actions=len(actions)),
        source=_("Arcade Learning Environment, Bellemare and others (2013)"),
        missing=needs("ale_py", "atari"),
    )


SPECS = (
    _spec(
        "ALE-Pong-v5", "ALE/Pong-v5", _("Pong"), _("Win 21 points against the machine, from the bytes of its memory. Takes hours."),
        (*FIRE, _("Right and fire"), _("Left and fire")),
    ),
    _spec(
        "ALE-Breakout-v5", "ALE/Breakout-v5", _("Breakout"), _("Break bricks with a ball, from the bytes of the machine's memory. Takes hours."),
        FIRE,
    ),
)  # fmt: skip
