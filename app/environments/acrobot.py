"""Acrobot-v1: two links hang from a bar; swing the lower one by the joint between them until its tip is above the line.

The equations, constants, start range and time limit are those of gymnasium's `Acrobot-v1` (the book's dynamics, one
Runge–Kutta step of 0.2 s, torque −1, 0 or 1, reward −1 each step and 0 on arrival, ended by −cos θ₁ − cos(θ₁ + θ₂) > 1,
cut after 500 steps). A state is the two angles and their velocities; what is seen of it has each angle as cosine and sine.
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

GRAVITY, STEP_S = 9.8, 0.2
LINK_MASS, LINK_LENGTH, LINK_CENTRE, LINK_INERTIA = 1.0, 1.0, 0.5, 1.0
MAX_SPEED_1, MAX_SPEED_2 = 4 * math.pi, 9 * math.pi
LINE_HEIGHT = 1.0
START_RANGE = 0.1
MAX_EPISODE_STEPS = 500


class AcrobotConfig(Config):
    """Nothing to choose: the physics are fixed."""


@kernel
def acrobot_accelerations(theta_1: Any, theta_2: Any, speed_1: Any, speed_2: Any, torque: Any) -> Any:
    """Return the accelerations of both angles."""
    m, l, c, i = LINK_MASS, LINK_LENGTH, LINK_CENTRE, LINK_INERTIA  # noqa: E741
    cos_2, sin_2 = np.cos(theta_2), np.sin(theta_2)
    d1 = m * c * c + m * (l * l + c * c + 2 * l * c * cos_2) + i + i
    d2 = m * (c * c + l * c * cos_2) + i
    phi_2 = m * c * GRAVITY * np.cos(theta_1 + theta_2 - math.pi / 2)
    phi_1 = (
        -m * l * c * speed_2 * speed_2 * sin_2
        - 2 * m * l * c * speed_2 * speed_1 * sin_2
        + (m * c + m * l) * GRAVITY * np.cos(theta_1 - math.pi / 2)
        + phi_2
    )
    pull = torque + d2 / d1 * phi_1 - m * l * c * speed_1 * speed_1 * sin_2 - phi_2
    acceleration_2 = pull / (m * c * c + i - d2 * d2 / d1)
    return -(d2 * acceleration_2 + phi_1) / d1, acceleration_2


@kernel
def wrapped(angle: Any) -> Any:
    """Return the angle from −π to π."""
    while angle > math.pi:
        angle -= 2 * math.pi
    while angle < -math.pi:
        angle += 2 * math.pi
    return angle


@kernel
def acrobot_dynamics(theta_1: Any, theta_2: Any, speed_1: Any, speed_2: Any, action: Any) -> Any:
    """Return (theta_1, theta_2, speed_1, speed_2, terminated) one Runge–Kutta step of 0.2 s later."""
    torque, half, step = action - 1.0, STEP_S / 2, STEP_S
    a1, a2 = acrobot_accelerations(theta_1, theta_2, speed_1, speed_2, torque)
    v1, v2 = speed_1 + half * a1, speed_2 + half * a2
    b1, b2 = acrobot_accelerations(theta_1 + half * speed_1, theta_2 + half * speed_2, v1, v2, torque)
    w1, w2 = speed_1 + half * b1, speed_2 + half * b2
    c1, c2 = acrobot_accelerations(theta_1 + half * v1, theta_2 + half * v2, w1, w2, torque)
    x1, x2 = speed_1 + step * c1, speed_2 + step * c2
    d1, d2 = acrobot_accelerations(theta_1 + step * w1, theta_2 + step * w2, x1, x2, torque)
    theta_1 = wrapped(theta_1 + step / 6 * (speed_1 + 2 * v1 + 2 * w1 + x1))
    theta_2 = wrapped(theta_2 + step / 6 * (speed_2 + 2 * v2 + 2 * w2 + x2))
    speed_1 = min(max(speed_1 + step / 6 * (a1 + 2 * b1 + 2 * c1 + d1), -MAX_SPEED_1), MAX_SPEED_1)
    speed_2 = min(max(speed_2 + step / 6 * (a2 + 2 * b2 + 2 * c2 + d2), -MAX_SPEED_2), MAX_SPEED_2)
    return theta_1, theta_2, speed_1, speed_2, -np.cos(theta_1) - np.cos(theta_2 + theta_1) > LINE_HEIGHT


@kernel
def acrobot_start(states: Any, lane: Any, episode: Any, key: Any) -> None:
    """Write the start of an episode into states[lane]: four draws from [−0.1, 0.1)."""
    words = philox(episode, lane, key)
    for index in range(4):
        states[lane, index] = START_RANGE * (2.0 * unit(words[index]) - 1.0)


@kernel
def acrobot_see(states: Any, lane: Any, observations: Any) -> None:
    """Write what is seen of states[lane] into observations[lane]."""
    observations[lane, 0], observations[lane, 1] = np.cos(states[lane, 0]), np.sin(states[lane, 0])
    observations[lane, 2], observations[lane, 3] = np.cos(states[lane, 1]), np.sin(states[lane, 1])
    observations[lane, 4], observations[lane, 5] = states[lane, 2], states[lane, 3]


@kernel
def acrobot_observe(states: Any, observations: Any) -> None:
    """Write what is seen of every lane: states (N, 4), observations (N, 6) float32."""
    for lane in range(states.shape[0]):
        acrobot_see(states, lane, observations)


@kernel
def acrobot_reset(key: Any, states: Any, episodes: Any, observations: Any) -> None:
    """Put every lane at the start of its episode; states (N, 4), observations (N, 6) float32."""
    for lane in range(states.shape[0]):
        acrobot_start(states, lane, episodes[lane], key)
        acrobot_see(states, lane, observations)


@kernel
def acrobot_step(
    limit: Any, key: Any, actions: Any, states: Any, elapsed: Any, episodes: Any,
    observations: Any, rewards: Any, terminated: Any, truncated: Any, final_observations: Any,
) -> None:  # fmt: skip
    """Step every lane in place; an episode that ends is replaced by the next one."""
    for lane in range(states.shape[0]):
        states[lane, 0], states[lane, 1], states[lane, 2], states[lane, 3], has_arrived = acrobot_dynamics(
            states[lane, 0], states[lane, 1], states[lane, 2], states[lane, 3], actions[lane]
        )
        elapsed[lane] += 1
        acrobot_see(states, lane, final_observations)
        rewards[lane] = 0.0 if has_arrived else -1.0
        terminated[lane] = has_arrived
        truncated[lane] = elapsed[lane] >= limit and not has_arrived
        if terminated[lane] or truncated[lane]:
            elapsed[lane] = 0
            episodes[lane] += 1
            acrobot_start(states, lane, episodes[lane], key)
            acrobot_see(states, lane, observations)
        else:
            observations[lane] = final_observations[lane]


def make(config: AcrobotConfig) -> ClassicEnvironment:
    """Return the environment."""
    return ClassicEnvironment(
        id="Acrobot-v1",
        n_actions=3,
        observation_size=6,
        state_size=4,
        max_episode_steps=MAX_EPISODE_STEPS,
        reset=acrobot_reset,
        step=acrobot_step,
        observe=acrobot_observe,
    )


def seen(points: Array) -> Array:
    """Return the observations (B, 6) of angles and velocities (B, 4)."""
    first, second = points[:, 0], points[:, 1]
    angles = np.stack([np.cos(first), np.sin(first), np.cos(second), np.sin(second)], axis=1)
    return np.concatenate([angles, points[:, 2:]], axis=1)


def placed(observations: Array) -> Array:
    """Return the angles and velocities (B, 4) of observations (B, 6)."""
    first = np.arctan2(observations[:, 1], observations[:, 0])
    second = np.arctan2(observations[:, 3], observations[:, 2])
    return np.concatenate([np.stack([first, second], axis=1), observations[:, 4:]], axis=1)


def references(config: AcrobotConfig) -> tuple[Reference, ...]:
    """Return the registered threshold and published scores."""
    published = _("rl-zoo3 benchmark, one run, tuned")
    return (
        Reference(_("PPO, rl-zoo3 (1M steps)"), -73.5, published),
        Reference(_("DQN, rl-zoo3 (100k steps)"), -76.6, published),
        Reference(_("TRPO, rl-zoo3"), -83.1, published),
        Reference(_("A2C, rl-zoo3"), -83.4, published),
        Reference(_("PPO, CleanRL (500k steps)"), -86.4, _("CleanRL documentation, mean of 3 seeds, ± 1.3")),
        Reference(_("DQN, CleanRL (500k steps)"), -91.5, _("CleanRL documentation, mean of 3 seeds, ± 7.2")),
        Reference(_("Solved"), -100.0, _("gymnasium's registered threshold")),
    )


SPEC = EnvironmentSpec(
    id="Acrobot-v1",
    name=_("Acrobot"),
    summary=_("Swing two hanging links by the joint between them until the tip passes the line; every step costs 1."),
    version=1,
    kind="continuous",
    config=AcrobotConfig,
    make=make,
    actions=(_("Torque −1"), _("None"), _("Torque +1")),
    drawing="acrobot",
    keys=("ArrowLeft", "", "ArrowRight"),
    size=_("6 numbers, 3 actions"),
    threshold=-100.0,
    success=-499.0,
    axes=(
        Axis(_("First angle"), _("rad"), -math.pi, math.pi),
        Axis(_("Second angle"), _("rad"), -math.pi, math.pi),
        Axis(_("First velocity"), _("rad/s"), -MAX_SPEED_1, MAX_SPEED_1),
        Axis(_("Second velocity"), _("rad/s"), -MAX_SPEED_2, MAX_SPEED_2),
    ),
    seen=seen,
    placed=placed,
    references=references,
    source=_("gymnasium Acrobot-v1, after Sutton (1996)"),
)
