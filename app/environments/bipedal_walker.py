"""BipedalWalker-v3: walk a two-legged robot over gently rolling ground by the torques of its four joints.

The simulator is gymnasium's own (Box2D physics), not ours: `app/parts/gym_batch.py` steps several together, each episode in
a simulator of its own, because its physics carry something over from one episode into the next. Reward: about 300 for the
whole way, a little less for every torque, −100 for a fall. An episode ends by a fall, or at the end of the ground, and is
cut after 1,600 steps. Seen: angle and speeds of the hull, angle and speed of every joint, whether each foot touches the
ground, and ten measurements of the distance to it; not where on the way the robot is, so the picture is drawn from that.
"""

from typing import Any

import numpy as np

from app.core.config import Config
from app.core.specs import Axis, EnvironmentSpec, Reference
from app.core.text import _
from app.parts.gym_batch import GymEnvironment

ID = "BipedalWalker-v3"
MAX_EPISODE_STEPS = 1_600
OBSERVATION_SIZE = 24
BOUNDS = np.array([[-1.0, 1.0]] * 4)


class BipedalWalkerConfig(Config):
    """Nothing to choose: the ground is gently rolling, without the hardcore obstacles."""


def open_walker(render_mode: str | None = None) -> Any:
    """Open gymnasium's BipedalWalker."""
    import gymnasium

    return gymnasium.make(ID, disable_env_checker=True, max_episode_steps=-1, render_mode=render_mode)


def make(config: BipedalWalkerConfig) -> GymEnvironment:
    """Return the environment."""
    return GymEnvironment(ID, open_walker, 4, OBSERVATION_SIZE, MAX_EPISODE_STEPS, BOUNDS, renews=True)


def references(config: BipedalWalkerConfig) -> tuple[Reference, ...]:
    """Return the registered threshold and published scores."""
    published = _("rl-zoo3 benchmark, one run, tuned")
    return (
        Reference(_("TD3, rl-zoo3 (1M steps)"), 306.0, published),
        Reference(_("Solved"), 300.0, _("gymnasium's registered threshold")),
        Reference(_("SAC, rl-zoo3 (500k steps)"), 297.7, published),
        Reference(_("PPO, rl-zoo3 (5M steps)"), 287.9, published),
    )


def axes() -> tuple[Axis, ...]:
    """Return the 24 numbers that are seen."""
    joints = (_("Hip 1"), _("Knee 1"), _("Foot 1 down"), _("Hip 2"), _("Knee 2"), _("Foot 2 down"))
    found = [
        Axis(_("Hull angle"), _("rad"), -1.0, 1.0),
        Axis(_("Hull angular velocity"), _("scaled"), -1.0, 1.0),
        Axis(_("Speed ahead"), _("scaled"), -0.5, 1.0, 0.3),
        Axis(_("Speed up"), _("scaled"), -0.5, 0.5),
    ]
    for index, name in enumerate(joints):
        if index % 3 == 2:
            found.append(Axis(name, "", 0.0, 1.0))
        else:
            found.append(Axis(name, _("rad"), -1.5, 1.5, 0.4))
            found.append(Axis(_("{joint}, speed").format(joint=name), _("scaled"), -1.5, 1.5))
    rays = [Axis(_("Ground on ray {number}").format(number=number), "", 0.0, 1.0, 0.5) for number in range(1, 11)]
    return (*found, *rays)


SPEC = EnvironmentSpec(
    id=ID,
    name=_("BipedalWalker"),
    summary=_("Walk a two-legged robot over rolling ground by the torques of its hips and knees."),
    version=1,
    kind="continuous",
    config=BipedalWalkerConfig,
    make=make,
    actions=(_("Hip 1"), _("Knee 1"), _("Hip 2"), _("Knee 2")),
    action_kind="continuous",
    drawing="walker",
    size=_("24 numbers, 4 continuous actions"),
    threshold=300.0,
    success=300.0,
    axes=axes(),
    shown_axes=(0, 2),
    references=references,
    source=_("gymnasium BipedalWalker-v3"),
)
