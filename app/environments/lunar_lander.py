"""LunarLander-v3 and LunarLanderContinuous-v3: bring a craft down between two flags, gently and upright, on little fuel.

The simulators are gymnasium's own (Box2D physics), not ours: `app/parts/gym_batch.py` steps them together. Both have the
same world; in one an action fires nothing, the left, the main or the right engine, in the other it is two throttles.
Reward: closer, slower and more upright is better; each leg on the ground +10, a landing +100, a crash −100, fuel costs.
An episode ends by a crash, by leaving the view or by coming to rest, and is cut after 1,000 steps.
Seen: position, velocity, angle and angular velocity in units of the view, and whether each leg touches the ground. The
hills beside the pad are drawn by chance in every episode and are not seen, so the picture shows the pad alone.
"""

from typing import Any

import numpy as np

from app.core.config import Config
from app.core.specs import Axis, EnvironmentSpec, Reference
from app.core.text import _
from app.parts.gym_batch import GymEnvironment

DISCRETE, CONTINUOUS = "LunarLander-v3", "LunarLanderContinuous-v3"
MAX_EPISODE_STEPS = 1_000
OBSERVATION_SIZE = 8
BOUNDS = np.array([[-1.0, 1.0], [-1.0, 1.0]])
PUBLISHED = _("rl-zoo3 benchmark, one run, tuned, on LunarLander-v2")


class LunarLanderConfig(Config):
    """Nothing to choose: gravity and wind are the registered ones."""


def open_discrete(render_mode: str | None = None) -> Any:
    """Open gymnasium's LunarLander with numbered actions."""
    return _open(DISCRETE, render_mode)


def open_continuous(render_mode: str | None = None) -> Any:
    """Open gymnasium's LunarLander with two throttles."""
    return _open(CONTINUOUS, render_mode)


def _open(id: str, render_mode: str | None) -> Any:
    import gymnasium

    return gymnasium.make(id, disable_env_checker=True, max_episode_steps=-1, render_mode=render_mode)


def make_discrete(config: LunarLanderConfig) -> GymEnvironment:
    """Return the environment with numbered actions."""
    return GymEnvironment(DISCRETE, open_discrete, 4, OBSERVATION_SIZE, MAX_EPISODE_STEPS)


def make_continuous(config: LunarLanderConfig) -> GymEnvironment:
    """Return the environment with two throttles."""
    return GymEnvironment(CONTINUOUS, open_continuous, 2, OBSERVATION_SIZE, MAX_EPISODE_STEPS, BOUNDS)


def references_discrete(config: LunarLanderConfig) -> tuple[Reference, ...]:
    """Return the registered threshold and published scores."""
    return (
        Reference(_("PPO, rl-zoo3 (1M steps)"), 242.1, PUBLISHED),
        Reference(_("Solved"), 200.0, _("gymnasium's registered threshold")),
        Reference(_("A2C, rl-zoo3 (200k steps)"), 155.8, PUBLISHED),
        Reference(_("DQN, rl-zoo3 (100k steps)"), 154.4, PUBLISHED),
        Reference(_("TRPO, rl-zoo3 (200k steps)"), 133.2, PUBLISHED),
    )


def references_continuous(config: LunarLanderConfig) -> tuple[Reference, ...]:
    """Return the registered threshold and published scores."""
    return (
        Reference(_("PPO, rl-zoo3 (1M steps)"), 270.9, PUBLISHED),
        Reference(_("TRPO, rl-zoo3 (200k steps)"), 262.4, PUBLISHED),
        Reference(_("SAC, rl-zoo3 (500k steps)"), 260.4, PUBLISHED),
        Reference(_("TD3, rl-zoo3"), 207.5, PUBLISHED),
        Reference(_("Solved"), 200.0, _("gymnasium's registered threshold")),
    )


AXES = (
    Axis(_("Across"), _("half views"), -1.0, 1.0),
    Axis(_("Height"), _("half views"), -0.1, 1.5, 0.7),
    Axis(_("Speed across"), _("scaled"), -1.0, 1.0),
    Axis(_("Speed up"), _("scaled"), -1.5, 0.5, -0.3),
    Axis(_("Angle"), _("rad"), -1.0, 1.0),
    Axis(_("Angular velocity"), _("scaled"), -1.0, 1.0),
    Axis(_("Left leg down"), "", 0.0, 1.0),
    Axis(_("Right leg down"), "", 0.0, 1.0),
)

SPECS = (
    EnvironmentSpec(
        id=DISCRETE,
        name=_("LunarLander"),
        summary=_("Land a craft between two flags, gently, by firing one of three engines or none."),
        version=1,
        kind="continuous",
        config=LunarLanderConfig,
        make=make_discrete,
        actions=(_("Coast"), _("Left engine"), _("Main engine"), _("Right engine")),
        drawing="lander",
        keys=("", "ArrowLeft", "ArrowUp", "ArrowRight"),
        size=_("8 numbers, 4 actions"),
        threshold=200.0,
        success=200.0,
        axes=AXES,
        references=references_discrete,
        source=_("gymnasium LunarLander-v3"),
    ),
    EnvironmentSpec(
        id=CONTINUOUS,
        name=_("LunarLander, continuous"),
        summary=_("Land a craft between two flags, gently, with a main throttle and a sideways one."),
        version=1,
        kind="continuous",
        config=LunarLanderConfig,
        make=make_continuous,
        actions=(_("Main throttle"), _("Side throttle")),
        action_kind="continuous",
        drawing="lander",
        keys=("ArrowDown", "ArrowUp", "ArrowLeft", "ArrowRight"),
        size=_("8 numbers, 2 continuous actions"),
        threshold=200.0,
        success=200.0,
        axes=AXES,
        references=references_continuous,
        source=_("gymnasium LunarLanderContinuous-v3"),
    ),
)
