"""CartPole-v1: a pole stands on a cart; push the cart left or right so that the pole does not fall.

The equations, constants, start range, limits and time limit are those of gymnasium's `CartPole-v1` (Euler steps of
0.02 s, reward 1 each step, ended by |position| > 2.4 m or |angle| > 12°). A state is position, velocity, angle, angular velocity.
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

GRAVITY, CART_MASS, POLE_MASS = 9.8, 1.0, 0.1
TOTAL_MASS = POLE_MASS + CART_MASS
HALF_LENGTH = 0.5
POLE_MOMENT = POLE_MASS * HALF_LENGTH
FORCE = 10.0
STEP_S = 0.02
ANGLE_LIMIT = 12 * 2 * math.pi / 360
POSITION_LIMIT = 2.4
START_RANGE = 0.05
MAX_EPISODE_STEPS = 500


class CartPoleConfig(Config):
    """Nothing to choose: the physics are fixed."""


@kernel
def cartpole_dynamics(x: Any, x_dot: Any, theta: Any, theta_dot: Any, action: Any) -> Any:
    """Return (x, x_dot, theta, theta_dot, terminated) one step of 0.02 s later."""
    force = FORCE if action == 1 else -FORCE
    cos_theta, sin_theta = np.cos(theta), np.sin(theta)
    pushed = (force + POLE_MOMENT * (theta_dot * theta_dot) * sin_theta) / TOTAL_MASS
    theta_acc = (GRAVITY * sin_theta - cos_theta * pushed) / (
        HALF_LENGTH * (4.0 / 3.0 - POLE_MASS * (cos_theta * cos_theta) / TOTAL_MASS)
    )
    x_acc = pushed - POLE_MOMENT * theta_acc * cos_theta / TOTAL_MASS
    x, x_dot = x + STEP_S * x_dot, x_dot + STEP_S * x_acc
    theta, theta_dot = theta + STEP_S * theta_dot, theta_dot + STEP_S * theta_acc
    terminated = x < -POSITION_LIMIT or x > POSITION_LIMIT or theta < -ANGLE_LIMIT or theta > ANGLE_LIMIT
    return x, x_dot, theta, theta_dot, terminated


@kernel
def cartpole_start(states: Any, lane: Any, episode: Any, key: Any) -> None:
    """Write the start of an episode into states[lane]: four draws from [−0.05, 0.05)."""
    words = philox(episode, lane, key)
    for index in range(4):
        states[lane, index] = START_RANGE * (2.0 * unit(words[index]) - 1.0)


@kernel
def cartpole_reset(key: Any, states: Any, episodes: Any, observations: Any) -> None:
    """Put every lane at the start of its episode; states (N, 4), observations (N, 4) float32."""
    for lane in range(states.shape[0]):
        cartpole_start(states, lane, episodes[lane], key)
        observations[lane] = states[lane]


@kernel
def cartpole_step(
    limit: Any, key: Any, actions: Any, states: Any, elapsed: Any, episodes: Any,
    observations: Any, rewards: Any, terminated: Any, truncated: Any, final_observations: Any,
) -> None:  # fmt: skip
    """Step every lane in place; an episode that ends is replaced by the next one."""
    for lane in range(states.shape[0]):
        x, x_dot, theta, theta_dot, has_fallen = cartpole_dynamics(
            states[lane, 0], states[lane, 1], states[lane, 2], states[lane, 3], actions[lane]
        )
        states[lane, 0], states[lane, 1], states[lane, 2], states[lane, 3] = x, x_dot, theta, theta_dot
        elapsed[lane] += 1
        final_observations[lane] = states[lane]
        rewards[lane] = 1.0
        terminated[lane] = has_fallen
        truncated[lane] = elapsed[lane] >= limit and not has_fallen
        if terminated[lane] or truncated[lane]:
            elapsed[lane] = 0
            episodes[lane] += 1
            cartpole_start(states, lane, episodes[lane], key)
        observations[lane] = states[lane]


def make(config: CartPoleConfig) -> ClassicEnvironment:
    """Return the environment."""
    return ClassicEnvironment(
        id="CartPole-v1",
        n_actions=2,
        observation_size=4,
        state_size=4,
        max_episode_steps=MAX_EPISODE_STEPS,
        reset=cartpole_reset,
        step=cartpole_step,
    )


def references(config: CartPoleConfig) -> tuple[Reference, ...]:
    """Return the optimum, the registered threshold and published scores."""
    return (
        Reference(_("Optimum"), 500.0, _("exact: one reward a step until the time limit")),
        Reference(_("Solved"), 475.0, _("gymnasium's registered threshold")),
        Reference(_("PPO, CleanRL (500k steps)"), 490.0, _("CleanRL documentation, mean of 3 seeds, ± 6.1")),
        Reference(_("DQN, CleanRL (500k steps)"), 488.7, _("CleanRL documentation, mean of 3 seeds, ± 16.1")),
    )


SPEC = EnvironmentSpec(
    id="CartPole-v1",
    name=_("CartPole"),
    summary=_("Balance a pole on a cart by pushing the cart left or right, for at most 500 steps."),
    version=1,
    kind="continuous",
    config=CartPoleConfig,
    make=make,
    actions=(_("Left"), _("Right")),
    drawing="cartpole",
    keys=("ArrowLeft", "ArrowRight"),
    size=_("4 numbers, 2 actions"),
    threshold=475.0,
    success=475.0,
    axes=(
        Axis(_("Position"), _("m"), -POSITION_LIMIT, POSITION_LIMIT),
        Axis(_("Velocity"), _("m/s"), -3.0, 3.0),
        Axis(_("Angle"), _("rad"), -ANGLE_LIMIT, ANGLE_LIMIT),
        Axis(_("Angular velocity"), _("rad/s"), -3.5, 3.5),
    ),
    shown_axes=(0, 2),
    references=references,
    source=_("gymnasium CartPole-v1, after Barto, Sutton and Anderson (1983)"),
)
