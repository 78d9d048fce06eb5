"""What the tests of the DQN family share: small agents on a tiny walk, and runs of them."""

from typing import Any

import numpy as np

from app.core.codecs import trees_equal
from app.core.config import Config
from app.core.contracts import Problem
from tests.algorithms.walk import Walk

SMALL = {
    "n_envs": 2, "learning_starts": 20, "buffer_size": 64, "batch_size": 8, "train_freq": 3, "gradient_steps": 2,
    "target_update_interval": 10, "net_arch": "8,8", "learning_rate": 0.01,
}  # fmt: skip


def small(agent: Any, config: type[Config], seed: int = 0, **changes: Any) -> Any:
    """Return an agent on the walk with small settings."""
    return agent(config.parse(SMALL | changes), Problem(Walk(), seed, 400))


def run(built: Any, steps: int, cut: int = 1000) -> list[float]:
    """Train for `steps` env steps, at most `cut` a call, and return the returns of the episodes that ended."""
    returns: list[float] = []
    end = built.env_steps + steps
    while built.env_steps < end:
        returns += built.update(min(cut, end - built.env_steps)).episodes.returns.tolist()
    return returns


def values_of_the_endless_walk(built: Any, steps: int = 400) -> float:
    """Return V in the middle of the walk after training; at γ = .5 its truth is 1 + .5 + .25 = 1.75."""
    run(built, steps)
    return float(built.signals()["v_at"](np.zeros((1, 2), np.float32))[0])


def gradient_by_differences(built: Any, loss: Any, *, count: int = 12) -> tuple[np.ndarray, np.ndarray]:
    """Return (the gradient that an agent of doubles holds, central differences of `loss()`) at `count` of its parameters."""
    weights, held = built.online.weights, built.online.gradient.copy()
    chosen = np.argsort(-np.abs(held))[:count]
    found, step = np.zeros(count), 1e-6
    for place, index in enumerate(chosen):
        before = weights[index]
        weights[index] = before + step
        above = loss()
        weights[index] = before - step
        found[place] = (above - loss()) / (2 * step)
        weights[index] = before
    return held[chosen], found


def check_an_edited_exponent(built: Any) -> None:
    """An edit of the exponent from 0.5 holds for every row that is remembered, and 0 can be undone."""
    run(built, 150)
    before, filled = built.tree.priorities.copy(), built.replay.size
    assert len(set(before[:filled])) > 4
    built.edit(built.config.edited({"priority_exponent": 1.0}))
    np.testing.assert_allclose(built.tree.priorities, before**2, rtol=1e-12)
    built.edit(built.config.edited({"priority_exponent": 0.0}))
    np.testing.assert_array_equal(built.tree.priorities[:filled], 1.0)
    assert built.tree.total == filled
    built.edit(built.config.edited({"priority_exponent": 0.5}))
    np.testing.assert_array_equal(built.tree.priorities, before)


def check_resumed_after_an_edited_exponent(one: Any, other: Any) -> None:
    """An agent that is edited to the exponent of `other`, and `other` from its state on, are the same."""
    run(one, 100)
    one.edit(one.config.edited({"priority_exponent": other.config.priority_exponent}))
    other.load(one.state())
    assert run(one, 100) == run(other, 100)
    assert not trees_equal(one.state(), other.state())
    np.testing.assert_array_equal(one.tree.priorities, other.tree.priorities)
