"""Pendulum-v1: swing a rod up and hold it there, with a motor too weak to lift it at once.

The equations, constants, start range and time limit are those of gymnasium's `Pendulum-v1` (gravity 10, Euler steps of
0.05 s, cut after 200 steps, never ended). A state is the angle from upright and the angular velocity; what is seen of it is
(cos θ, sin θ, velocity). The action is the torque. The reward is −(θ² + 0.1·velocity² + 0.001·torque²), θ from −π to π.
"""

import math
from typing import Any

import numpy as np

from app.core.config import Config
from app.core.contracts import Array
from app.core.jit import kernel
from app.core.randomness import philox, unit
from app.core.specs import Axis, EnvironmentSpec, Reference
from app.core.text import _
from app.parts.batch import ClassicEnvironment

GRAVITY, MASS, LENGTH = 10.0, 1.0, 1.0
STEP_S = 0.05
MAX_SPEED, MAX_TORQUE = 8.0, 2.0
START_ANGLE, START_SPEED = math.pi, 1.0
MAX_EPISODE_STEPS = 200
BOUNDS = np.array([[-MAX_TORQUE, MAX_TORQUE]])


class PendulumConfig(Config):
    """Nothing to choose: the physics are fixed."""


@kernel
def pendulum_dynamics(theta: Any, theta_dot: Any, torque: Any) -> Any:
    """Return (theta, theta_dot, reward) one step of 0.05 s later; the reward is that of the state before."""
    angle = (theta + math.pi) % (2 * math.pi) - math.pi
    cost = angle * angle + 0.1 * (theta_dot * theta_dot) + 0.001 * (torque * torque)
    acceleration = 3 * GRAVITY / (2 * LENGTH) * np.sin(theta) + 3.0 / (MASS * LENGTH * LENGTH) * torque
    theta_dot = min(max(theta_dot + acceleration * STEP_S, -MAX_SPEED), MAX_SPEED)
    return theta + theta_dot * STEP_S, theta_dot, -cost


@kernel
def pendulum_start(states: Any, lane: Any, episode: Any, key: Any) -> None:
    """Write the start of an episode into states[lane]: an angle from [−π, π), a velocity from [−1, 1)."""
    words = philox(episode, lane, key)
    states[lane, 0] = START_ANGLE * (2.0 * unit(words[0]) - 1.0)
    states[lane, 1] = START_SPEED * (2.0 * unit(words[1]) - 1.0)


@kernel
def pendulum_see(states: Any, lane: Any, observations: Any) -> None:
    """Write what is seen of states[lane] into observations[lane]."""
    observations[lane, 0] = np.cos(states[lane, 0])
    observations[lane, 1] = np.sin(states[lane, 0])
    observations[lane, 2] = states[lane, 1]


@kernel
def pendulum_observe(states: Any, observations: Any) -> None:
    """Write what is seen of every lane: states (N, 2), observations (N, 3) float32."""
    for lane in range(states.shape[0]):
        pendulum_see(states, lane, observations)


@kernel
def pendulum_reset(key: Any, states: Any, episodes: Any, observations: Any) -> None:
    """Put every lane at the start of its episode; states (N, 2), observations (N, 3) float32."""
    for lane in range(states.shape[0]):
        pendulum_start(states, lane, episodes[lane], key)
        pendulum_see(states, lane, observations)


@kernel
def pendulum_step(
    limit: Any, key: Any, actions: Any, states: Any, elapsed: Any, episodes: Any,
    observations: Any, rewards: Any, terminated: Any, truncated: Any, final_observations: Any,
) -> None:  # fmt: skip
    """Step every lane in place by actions (N, 1); an episode that ends is replaced by the next one."""
    for lane in range(states.shape[0]):
        states[lane, 0], states[lane, 1], rewards[lane] = pendulum_dynamics(
            states[lane, 0], states[lane, 1], actions[lane, 0]
        )
        elapsed[lane] += 1
        pendulum_see(states, lane, final_observations)
        terminated[lane] = False
        truncated[lane] = elapsed[lane] >= limit
        if truncated[lane]:
            elapsed[lane] = 0
            episodes[lane] += 1
            pendulum_start(states, lane, episodes[lane], key)
            pendulum_see(states, lane, observations)
        else:
            observations[lane] = final_observations[lane]


def make(config: PendulumConfig) -> ClassicEnvironment:
    """Return the environment."""
    return ClassicEnvironment(
        id="Pendulum-v1",
        n_actions=1,
        observation_size=3,
        state_size=2,
        max_episode_steps=MAX_EPISODE_STEPS,
        reset=pendulum_reset,
        step=pendulum_step,
        observe=pendulum_observe,
        action_bounds=BOUNDS,
    )


def seen(points: Array) -> Array:
    """Return the observations (B, 3) of angles and velocities (B, 2)."""
    return np.stack([np.cos(points[:, 0]), np.sin(points[:, 0]), points[:, 1]], axis=1)


def placed(observations: Array) -> Array:
    """Return the angles and velocities (B, 2) of observations (B, 3)."""
    return np.stack([np.arctan2(observations[:, 1], observations[:, 0]), observations[:, 2]], axis=1)


def references(config: PendulumConfig) -> tuple[Reference, ...]:
    """Return the near-optimum, published scores and what random torques earn."""
    published = _("rl-zoo3 benchmark, one run, tuned")
    return (
        Reference(_("Near-optimum"), -138.0, _("dynamic programming on a fine grid, ± 1")),
        Reference(_("TD3, rl-zoo3 (20k steps)"), -151.9, published),
        Reference(_("SAC, rl-zoo3 (20k steps)"), -157.0, published),
        Reference(_("PPO, rl-zoo3 (100k steps)"), -172.2, published),
        Reference(_("Random torques"), -1221.0, _("simulated")),
    )


SPEC = EnvironmentSpec(
    id="Pendulum-v1",
    name=_("Pendulum"),
    summary=_(
        "Swing a rod up and hold it upright with a motor of limited torque; every step costs its distance from rest."
    ),
    version=1,
    kind="continuous",
    config=PendulumConfig,
    make=make,
    actions=(_("Torque"),),
    action_kind="continuous",
    drawing="pendulum",
    keys=("ArrowRight", "ArrowLeft"),
    size=_("3 numbers, 1 continuous action"),
    axes=(
        Axis(_("Angle"), _("rad"), -math.pi, math.pi),
        Axis(_("Angular velocity"), _("rad/s"), -MAX_SPEED, MAX_SPEED),
    ),
    seen=seen,
    placed=placed,
    references=references,
    source=_("gymnasium Pendulum-v1"),
)
