"""InvertedPendulum-v5, Hopper-v5 and HalfCheetah-v5: bodies of rods and joints, simulated by MuJoCo (the extra `mujoco`).

The simulators are gymnasium's own, not ours: `app/parts/gym_batch.py` steps them together, one after the other, at a few
thousand steps a second. A million steps, which is what Hopper and HalfCheetah take, are tens of minutes and more. Seen are
heights, angles and speeds, not how far the body has come. Rewards are those of version 5: scores published for older
versions are on another scale and are not drawn.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from app.core.config import Config
from app.core.specs import Axis, EnvironmentSpec, Reference
from app.core.text import _
from app.parts.extras import needs
from app.parts.gym_batch import GymEnvironment

MAX_EPISODE_STEPS = 1_000


class MujocoConfig(Config):
    """Nothing to choose: bodies and rewards are the registered ones."""


def open_mujoco(id: str, render_mode: str | None = None) -> Any:
    """Open one of gymnasium's MuJoCo environments."""
    import gymnasium

    return gymnasium.make(id, disable_env_checker=True, max_episode_steps=-1, render_mode=render_mode)


def _maker(id: str, observation_size: int, n_actions: int, bound: float) -> Callable[[MujocoConfig], GymEnvironment]:
    bounds = np.array([[-bound, bound]] * n_actions)

    def make(config: MujocoConfig) -> GymEnvironment:
        return GymEnvironment(id, partial(open_mujoco, id), n_actions, observation_size, MAX_EPISODE_STEPS, bounds)

    return make


def _solved(value: float) -> Callable[[MujocoConfig], tuple[Reference, ...]]:
    return lambda config: (Reference(_("Solved"), value, _("gymnasium's registered threshold")),)


def _body_axes(height: tuple[float, float, float], joints: tuple[str, ...], *, ahead: float) -> tuple[Axis, ...]:
    """Return the axes of height, angles of torso and joints, then the speeds of all of them and ahead."""
    torso = _("Torso")
    angles = [Axis(name, _("rad"), -1.5, 1.5) for name in (torso, *joints)]
    turning = [Axis(_("{joint}, speed").format(joint=name), _("rad/s"), -10.0, 10.0) for name in (torso, *joints)]
    speeds = [Axis(_("Speed ahead"), _("m/s"), -ahead, ahead), Axis(_("Speed up"), _("m/s"), -3.0, 3.0)]
    return (Axis(_("Height"), _("m"), *height), *angles, *speeds, *turning)


HOPPER_JOINTS = (_("Thigh"), _("Leg"), _("Foot"))
CHEETAH_JOINTS = (
    _("Back thigh"), _("Back shin"), _("Back foot"), _("Front thigh"), _("Front shin"), _("Front foot"),
)  # fmt: skip

SPECS = (
    EnvironmentSpec(
        id="InvertedPendulum-v5",
        name=_("InvertedPendulum"),
        summary=_("Balance a pole on a cart by a force of any size: CartPole in MuJoCo, with a continuous action."),
        version=1,
        kind="continuous",
        config=MujocoConfig,
        make=_maker("InvertedPendulum-v5", 4, 1, 3.0),
        actions=(_("Force"),),
        action_kind="continuous",
        drawing="inverted_pendulum",
        keys=("ArrowLeft", "ArrowRight"),
        size=_("4 numbers, 1 continuous action"),
        threshold=950.0,
        success=950.0,
        axes=(
            Axis(_("Position"), _("m"), -1.0, 1.0),
            Axis(_("Angle"), _("rad"), -0.2, 0.2),
            Axis(_("Velocity"), _("m/s"), -3.0, 3.0),
            Axis(_("Angular velocity"), _("rad/s"), -3.0, 3.0),
        ),
        references=_solved(950.0),
        source=_("gymnasium InvertedPendulum-v5"),
        missing=needs("mujoco", "mujoco"),
    ),
    EnvironmentSpec(
        id="Hopper-v5",
        name=_("Hopper"),
        summary=_("Hop forward on one leg without falling: 1 for every step upright, more for speed."),
        version=1,
        kind="continuous",
        config=MujocoConfig,
        make=_maker("Hopper-v5", 11, 3, 1.0),
        actions=HOPPER_JOINTS,
        action_kind="continuous",
        drawing="hopper",
        size=_("11 numbers, 3 continuous actions"),
        threshold=3800.0,
        success=3800.0,
        axes=_body_axes((0.7, 1.6, 1.25), HOPPER_JOINTS, ahead=4.0),
        references=_solved(3800.0),
        source=_("gymnasium Hopper-v5"),
        missing=needs("mujoco", "mujoco"),
    ),
    EnvironmentSpec(
        id="HalfCheetah-v5",
        name=_("HalfCheetah"),
        summary=_(
            "Run with two legs and six joints: the reward is the speed, less the effort; nothing ends an episode."
        ),
        version=1,
        kind="continuous",
        config=MujocoConfig,
        make=_maker("HalfCheetah-v5", 17, 6, 1.0),
        actions=CHEETAH_JOINTS,
        action_kind="continuous",
        drawing="half_cheetah",
        size=_("17 numbers, 6 continuous actions"),
        threshold=4800.0,
        success=4800.0,
        axes=_body_axes((-0.5, 0.5, 0.0), CHEETAH_JOINTS, ahead=10.0),
        references=_solved(4800.0),
        source=_("gymnasium HalfCheetah-v5"),
        missing=needs("mujoco", "mujoco"),
    ),
)
