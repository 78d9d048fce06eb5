"""A garnet: a random Markov decision process drawn from a seed, to see how a method does where nothing is special.

For every state and action `branching` different successors are drawn, their probabilities by cutting the unit interval at
random points, and a reward from the standard normal distribution. It never ends: an episode starts in a random state and is cut
after `max_episode_steps`, and γ must be below 1.
"""

from functools import lru_cache

import numpy as np

from app.core.config import Config, Hyper
from app.core.randomness import Stream
from app.core.specs import EnvironmentSpec, Reference
from app.core.text import _
from app.parts.batch import TabularEnvironment
from app.parts.layout import in_a_row, numbered
from app.parts.tabular import TabularMDP, finite_horizon_optimum, finite_horizon_return, uniform_policy

MOST_ACTIONS = 10


class GarnetConfig(Config):
    """Size and seed."""

    n_states: int = Hyper(20, low=2, high=400, symbol="S", help=_("States; raising it leaves more to learn."))
    n_actions: int = Hyper(
        4, low=2, high=MOST_ACTIONS, symbol="A", help=_("Actions of every state; raising it leaves more to try.")
    )
    branching: int = Hyper(
        3, low=1, high=20, symbol="b", help=_("Successors of every action; raising it makes the outcome less certain.")
    )
    instance_seed: int = Hyper(0, low=0, high=1_000_000, help=_("Which garnet; another number draws another one."))
    max_episode_steps: int = Hyper(
        100, low=1, high=10_000, unit=_("env steps"),
        help=_("When an episode is cut; raising it gives each episode more rewards."),
    )  # fmt: skip


@lru_cache(maxsize=8)
def model(config: GarnetConfig) -> TabularMDP:
    """Return the exact model; a garnet of fewer states than branches branches to all of them."""
    n_states, n_actions = config.n_states, config.n_actions
    shape = (n_states, n_actions, min(config.branching, n_states))
    stream = Stream(config.instance_seed, "garnet")
    order = np.argsort(stream.uniforms(n_states, n_actions, n_states), axis=2, kind="stable")
    cuts = np.sort(stream.uniforms(n_states, n_actions, shape[2] - 1), axis=2)
    ends = np.concatenate([np.zeros((*shape[:2], 1)), cuts, np.ones((*shape[:2], 1))], axis=2)
    rewards = np.repeat(stream.normals(n_states, n_actions)[:, :, None], shape[2], axis=2)
    widest = max(5, int(np.ceil(np.sqrt(2 * n_states))))
    labels = [str(state) for state in range(n_states)]
    layout = in_a_row("." * n_states, labels, names=[numbered(state) for state in range(n_states)], widest=widest)
    return TabularMDP(
        probabilities=np.diff(ends, axis=2),
        next_states=np.ascontiguousarray(order[:, :, : shape[2]], np.int64),
        rewards=np.ascontiguousarray(rewards),
        terminated=np.zeros(shape, np.bool_),
        start=np.full(n_states, 1.0 / n_states),
        layout=layout,
    )


def make(config: GarnetConfig) -> TabularEnvironment:
    """Return the environment."""
    return TabularEnvironment("garnet", model(config), config.max_episode_steps)


@lru_cache(maxsize=8)
def references(config: GarnetConfig) -> tuple[Reference, ...]:
    """Return the exact optimum within the time limit and the random policy's return."""
    mdp, limit = model(config), config.max_episode_steps
    exact = _("exact, from the model within {steps} steps").format(steps=limit)
    return (
        Reference(_("Optimum"), finite_horizon_optimum(mdp, limit), exact),
        Reference(_("Random policy"), finite_horizon_return(mdp, uniform_policy(mdp), limit), exact),
    )


SPEC = EnvironmentSpec(
    id="garnet",
    name=_("Garnet"),
    summary=_("A random world drawn from a seed, with an exact solution: how a method does where nothing is special."),
    version=1,
    kind="tabular",
    config=GarnetConfig,
    make=make,
    actions=tuple(_("Action {number}").format(number=number) for number in range(1, MOST_ACTIONS + 1)),
    drawing="grid",
    size=_("2 to 400 states, 2 to 10 actions"),
    references=references,
    source=_("Archibald, McKinnon and Thomas (1995), On the generation of Markov decision processes"),
)
