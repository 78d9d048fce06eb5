"""MountainCarContinuous-v0: the underpowered car with a throttle; every use of the engine costs, the flag pays 100.

The equations, constants, start range and time limit are those of gymnasium's `MountainCarContinuous-v0` (reward
−0.1·throttle² each step, +100 on arrival at position ≥ 0.45, cut after 999 steps). A state is position and velocity; the
action is the throttle from −1 to 1. Doing nothing earns 0, which is where learners that never reach the flag end up.
"""

import math
from typing import Any

import numpy as np

from app.core.config import Config
from app.core.jit import kernel
from app.core.randomness import philox, unit
from app.core.specs import Axis, EnvironmentSpec, Reference
from app.core.text import _
from app.parts.batch import ClassicEnvironment

MIN_POSITION, MAX_POSITION, GOAL_POSITION = -1.2, 0.6, 0.45
MAX_SPEED = 0.07
GOAL_VELOCITY = 0.0
POWER, GRAVITY = 0.0015, 0.0025
ARRIVAL_REWARD, THROTTLE_COST = 100.0, 0.1
START_LOW, START_HIGH = -0.6, -0.4
MAX_EPISODE_STEPS = 999
BOUNDS = np.array([[-1.0, 1.0]])


class MountainCarContinuousConfig(Config):
    """Nothing to choose: the physics are fixed."""


@kernel
def continuous_car_dynamics(position: Any, velocity: Any, throttle: Any) -> Any:
    """Return (position, velocity, reward, terminated) one step later."""
    velocity += throttle * POWER - GRAVITY * math.cos(3 * position)
    velocity = min(max(velocity, -MAX_SPEED), MAX_SPEED)
    position = min(max(position + velocity, MIN_POSITION), MAX_POSITION)
    if position == MIN_POSITION and velocity < 0:
        velocity = 0.0
    has_arrived = position >= GOAL_POSITION and velocity >= GOAL_VELOCITY
    reward = (ARRIVAL_REWARD if has_arrived else 0.0) - THROTTLE_COST * (throttle * throttle)
    return position, velocity, reward, has_arrived


@kernel
def continuous_car_start(states: Any, lane: Any, episode: Any, key: Any) -> None:
    """Write the start of an episode into states[lane]: a position from [−0.6, −0.4), at rest."""
    u = unit(philox(episode, lane, key)[0])
    states[lane, 0] = START_LOW + (START_HIGH - START_LOW) * u
    states[lane, 1] = 0.0


@kernel
def continuous_car_reset(key: Any, states: Any, episodes: Any, observations: Any) -> None:
    """Put every lane at the start of its episode; states (N, 2), observations (N, 2) float32."""
    for lane in range(states.shape[0]):
        continuous_car_start(states, lane, episodes[lane], key)
        observations[lane] = states[lane]


@kernel
def continuous_car_step(
    limit: Any, key: Any, actions: Any, states: Any, elapsed: Any, episodes: Any,
    observations: Any, rewards: Any, terminated: Any, truncated: Any, final_observations: Any,
) -> None:  # fmt: skip
    """Step every lane in place by actions (N, 1); an episode that ends is replaced by the next one."""
    for lane in range(states.shape[0]):
        states[lane, 0], states[lane, 1], rewards[lane], has_arrived = continuous_car_dynamics(
            states[lane, 0], states[lane, 1], actions[lane, 0]
        )
        elapsed[lane] += 1
        final_observations[lane] = states[lane]
        terminated[lane] = has_arrived
        truncated[lane] = elapsed[lane] >= limit and not has_arrived
        if terminated[lane] or truncated[lane]:
            elapsed[lane] = 0
            episodes[lane] += 1
            continuous_car_start(states, lane, episodes[lane], key)
        observations[lane] = states[lane]


def make(config: MountainCarContinuousConfig) -> ClassicEnvironment:
    """Return the environment."""
    return ClassicEnvironment(
        id="MountainCarContinuous-v0",
        n_actions=1,
        observation_size=2,
        state_size=2,
        max_episode_steps=MAX_EPISODE_STEPS,
        reset=continuous_car_reset,
        step=continuous_car_step,
        action_bounds=BOUNDS,
    )


def references(config: MountainCarContinuousConfig) -> tuple[Reference, ...]:
    """Return the registered threshold, published scores and what standing still earns."""
    published = _("rl-zoo3 benchmark, one run, tuned")
    return (
        Reference(_("SAC, rl-zoo3 (50k steps)"), 94.7, published),
        Reference(_("TD3, rl-zoo3"), 93.5, published),
        Reference(_("Solved"), 90.0, _("gymnasium's registered threshold")),
        Reference(_("PPO, rl-zoo3 (20k steps)"), 88.3, published),
        Reference(_("Engine off"), 0.0, _("exact: no cost, and never at the flag")),
    )


SPEC = EnvironmentSpec(
    id="MountainCarContinuous-v0",
    name=_("MountainCar, continuous"),
    summary=_("An underpowered car with a throttle: the engine costs, the flag pays 100, and doing nothing earns 0."),
    version=1,
    kind="continuous",
    config=MountainCarContinuousConfig,
    make=make,
    actions=(_("Throttle"),),
    action_kind="continuous",
    drawing="mountain_car_continuous",
    keys=("ArrowLeft", "ArrowRight"),
    size=_("2 numbers, 1 continuous action"),
    threshold=90.0,
    success=0.05,  # arriving pays 100, and the engine costs at most 99.9
    axes=(
        Axis(_("Position"), "", MIN_POSITION, MAX_POSITION, -0.5),
        Axis(_("Velocity"), _("per step"), -MAX_SPEED, MAX_SPEED),
    ),
    references=references,
    source=_("gymnasium MountainCarContinuous-v0, after Moore (1990)"),
)
