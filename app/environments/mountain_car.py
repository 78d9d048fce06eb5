"""MountainCar-v0: an engine too weak for the hill; swing back and forth until the car reaches the flag.

The equations, constants, start range and time limit are those of gymnasium's `MountainCar-v0` (reward −1 each step,
ended at position ≥ 0.5, cut after 200 steps). A state is position and velocity.
"""

import math
from typing import Any

from app.core.config import Config
from app.core.jit import kernel
from app.core.randomness import philox, unit
from app.core.specs import Axis, EnvironmentSpec, Reference
from app.core.text import _
from app.parts.batch import ClassicEnvironment

MIN_POSITION, MAX_POSITION, GOAL_POSITION = -1.2, 0.6, 0.5
MAX_SPEED = 0.07
GOAL_VELOCITY = 0.0
FORCE, GRAVITY = 0.001, 0.0025
START_LOW, START_HIGH = -0.6, -0.4
MAX_EPISODE_STEPS = 200


class MountainCarConfig(Config):
    """Nothing to choose: the physics are fixed."""


@kernel
def mountain_car_dynamics(position: Any, velocity: Any, action: Any) -> Any:
    """Return (position, velocity, terminated) one step later."""
    velocity += (action - 1) * FORCE + math.cos(3 * position) * (-GRAVITY)
    velocity = min(max(velocity, -MAX_SPEED), MAX_SPEED)
    position = min(max(position + velocity, MIN_POSITION), MAX_POSITION)
    if position == MIN_POSITION and velocity < 0:
        velocity = 0.0
    return position, velocity, position >= GOAL_POSITION and velocity >= GOAL_VELOCITY


@kernel
def mountain_car_start(states: Any, lane: Any, episode: Any, key: Any) -> None:
    """Write the start of an episode into states[lane]: a position from [−0.6, −0.4), at rest."""
    u = unit(philox(episode, lane, key)[0])
    states[lane, 0] = START_LOW + (START_HIGH - START_LOW) * u
    states[lane, 1] = 0.0


@kernel
def mountain_car_reset(key: Any, states: Any, episodes: Any, observations: Any) -> None:
    """Put every lane at the start of its episode; states (N, 2), observations (N, 2) float32."""
    for lane in range(states.shape[0]):
        mountain_car_start(states, lane, episodes[lane], key)
        observations[lane] = states[lane]


@kernel
def mountain_car_step(
    limit: Any, key: Any, actions: Any, states: Any, elapsed: Any, episodes: Any,
    observations: Any, rewards: Any, terminated: Any, truncated: Any, final_observations: Any,
) -> None:  # fmt: skip
    """Step every lane in place; an episode that ends is replaced by the next one."""
    for lane in range(states.shape[0]):
        states[lane, 0], states[lane, 1], has_arrived = mountain_car_dynamics(
            states[lane, 0], states[lane, 1], actions[lane]
        )
        elapsed[lane] += 1
        final_observations[lane] = states[lane]
        rewards[lane] = -1.0
        terminated[lane] = has_arrived
        truncated[lane] = elapsed[lane] >= limit and not has_arrived
        if terminated[lane] or truncated[lane]:
            elapsed[lane] = 0
            episodes[lane] += 1
            mountain_car_start(states, lane, episodes[lane], key)
        observations[lane] = states[lane]


def make(config: MountainCarConfig) -> ClassicEnvironment:
    """Return the environment."""
    return ClassicEnvironment(
        id="MountainCar-v0",
        n_actions=3,
        observation_size=2,
        state_size=2,
        max_episode_steps=MAX_EPISODE_STEPS,
        reset=mountain_car_reset,
        step=mountain_car_step,
    )


def references(config: MountainCarConfig) -> tuple[Reference, ...]:
    """Return the near-optimum, the registered threshold and published scores."""
    return (
        Reference(_("Near-optimum"), -97.7, _("dynamic programming on a fine grid")),
        Reference(_("DQN, rl-zoo3 (120k steps)"), -100.8, _("rl-zoo3 benchmark, one run, tuned")),
        Reference(_("Solved"), -110.0, _("gymnasium's registered threshold")),
        Reference(_("PPO, rl-zoo3 (1M steps)"), -110.4, _("rl-zoo3 benchmark, one run, tuned")),
        Reference(_("DQN, CleanRL (500k steps)"), -195.0, _("CleanRL documentation, untuned, mean of 3 seeds, ± 8.5")),
        Reference(_("PPO, CleanRL (500k steps)"), -200.0, _("CleanRL documentation, untuned, mean of 3 seeds")),
    )


SPEC = EnvironmentSpec(
    id="MountainCar-v0",
    name=_("MountainCar"),
    summary=_("Swing an underpowered car up a hill: every step costs 1 until it arrives, or 200 steps are over."),
    version=1,
    kind="continuous",
    config=MountainCarConfig,
    make=make,
    actions=(_("Left"), _("Coast"), _("Right")),
    drawing="mountain_car",
    keys=("ArrowLeft", "", "ArrowRight"),
    size=_("2 numbers, 3 actions"),
    threshold=-110.0,
    success=-199.0,
    axes=(
        Axis(_("Position"), "", MIN_POSITION, MAX_POSITION, -0.5),
        Axis(_("Velocity"), _("per step"), -MAX_SPEED, MAX_SPEED),
    ),
    references=references,
    source=_("gymnasium MountainCar-v0, after Moore (1990)"),
)
