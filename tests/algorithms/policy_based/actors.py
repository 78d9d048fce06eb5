"""What the tests of DDPG, TD3 and SAC share: small agents, runs of them, gradients by differences, shared weights."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from app.core.config import Config
from app.core.contracts import Problem
from app.parts.networks import MLP
from app.parts.replay import Transitions
from tests.algorithms.doubles import theirs_in_doubles
from tests.algorithms.slide import OneState, Slide

SMALL = {
    "n_envs": 2, "learning_starts": 20, "buffer_size": 64, "batch_size": 8, "train_freq": 3, "gradient_steps": 2,
    "tau": 0.1, "net_arch": "8,8", "learning_rate": 0.01,
}  # fmt: skip
QUICK = {
    "n_envs": 8, "learning_starts": 200, "batch_size": 64, "train_freq": 1, "gradient_steps": 4, "net_arch": "32,32",
    "learning_rate": 3e-3, "tau": 0.05, "buffer_size": 10_000,
}  # fmt: skip
AIM = 0.3


def small(agent: Any, config: type[Config], seed: int = 0, **changes: Any) -> Any:
    """Return an agent on the slide with small settings."""
    return agent(config.parse(SMALL | changes), Problem(Slide(), seed, 400))


def run(built: Any, steps: int, cut: int = 1000) -> list[float]:
    """Train for `steps` env steps, at most `cut` a call, and return the returns of the episodes that ended."""
    returns: list[float] = []
    end = built.env_steps + steps
    while built.env_steps < end:
        returns += built.update(min(cut, end - built.env_steps)).episodes.returns.tolist()
    return returns


def after_aiming(agent: Any, config: type[Config], *, steps: int = 3000, **changes: Any) -> Any:
    """Return an agent that has learned where one action is worth −(a − .3)² and ends the episode."""
    world = OneState(lambda a: -((a - AIM) ** 2), 1, "terminated")
    built = agent(config.parse(QUICK | changes), Problem(world, 0, steps))
    run(built, steps)
    return built


def endless_value(agent: Any, config: type[Config], end: str, **changes: Any) -> float:
    """Return V after training where every step earns 1, γ = .5 and each second one ends the episode in the given way."""
    world = OneState(lambda a: np.ones(len(a)), 2, end)
    built = agent(config.parse(QUICK | {"gamma": 0.5} | changes), Problem(world, 0, 3000))
    run(built, 3000)
    return float(built.signals()["v_at"](np.ones((1, 1), np.float32))[0])


def one_transition(terminated: float) -> Transitions:
    """Return one transition on the slide, of reward 2, that did or did not terminate."""
    seen, after = np.array([[0.2, 0.4]], np.float32), np.array([[0.5, 0.6]], np.float32)
    ends = np.array([terminated], np.float32)
    return Transitions(seen, np.array([[0.1, -0.3]], np.float32), np.array([2.0], np.float32), after, ends)


def in_doubles(built: Any) -> Any:
    """Return the agent with every number of its networks in double precision, for differences."""
    for name in ("networks", "target"):
        old = getattr(built, name)
        made = type(old)(*(mlp.shape for mlp in old.mlps), dtype=torch.float64)
        made.weights[:] = old.weights
        setattr(built, name, made)
    built.actor, built.critics = built.networks.mlps[0], built.networks.mlps[1:]
    built.target_critics = built.target.mlps[-built.n_critics :]
    return built


def differences(built: Any, loss: Any, start: int, stop: int) -> np.ndarray:
    """Return central differences of `loss()` for the parameters from `start` to `stop`."""
    weights, found = built.networks.weights, []
    for index in range(start, stop):
        before, step = weights[index], 1e-6
        weights[index] = before + step
        above = loss()
        weights[index] = before - step
        found.append((above - loss()) / (2 * step))
        weights[index] = before
    return np.array(found)


def theirs(algorithm: Any, built: Any, **settings: Any) -> Any:
    """Return an agent of Stable-Baselines3 of doubles with the sizes of `built`, to which a minibatch can be handed."""
    import gymnasium
    from stable_baselines3.common.logger import Logger

    class Space(gymnasium.Env[Any, Any]):
        observation_space = gymnasium.spaces.Box(-10, 10, (2,))
        action_space = gymnasium.spaces.Box(-1, 1, (2,))

    sizes = [int(size) for size in built.config.net_arch.split(",")]
    made = algorithm(
        "MlpPolicy", Space(), device="cpu", buffer_size=10, policy_kwargs={"net_arch": sizes}, gamma=built.config.gamma,
        tau=built.config.tau, learning_rate=built.config.learning_rate, **settings,
    )  # fmt: skip
    made.set_logger(Logger(None, []))
    theirs_in_doubles(made.policy)
    return made


def hand_over(made: Any, batch: Transitions) -> None:
    """Make an agent of Stable-Baselines3 draw this minibatch."""
    from stable_baselines3.common.type_aliases import ReplayBufferSamples

    seen, actions, following = (
        torch.from_numpy(x) for x in (batch.observations, batch.actions, batch.next_observations)
    )
    ends, rewards = torch.from_numpy(batch.terminated)[:, None], torch.from_numpy(batch.rewards)[:, None]
    drawn = ReplayBufferSamples(seen, actions, following, ends, rewards)
    made.replay_buffer.sample = lambda *_args, **_kwargs: drawn


def layers_of(*modules: Any) -> list[torch.nn.Linear]:
    """Return the linear layers of torch modules, in order."""
    return [layer for module in modules for layer in module.modules() if isinstance(layer, torch.nn.Linear)]


def paired(ours: MLP, linears: list[torch.nn.Linear]) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Yield our tensors, or their slices, beside those of linear layers; the last of ours may be two of theirs."""
    last = len(ours.parameters) - 1
    for index, (weight, bias) in enumerate(ours.parameters):
        start = 0
        for layer in linears[index : index + 1] if index < last else linears[index:]:
            stop = start + layer.out_features
            yield weight[start:stop], layer.weight
            yield bias[start:stop], layer.bias
            start = stop


def give(ours: MLP, linears: list[torch.nn.Linear]) -> None:
    """Copy our parameters into linear layers."""
    with torch.no_grad():
        for own, other in paired(ours, linears):
            other.copy_(own)


def assert_equal(ours: MLP, linears: list[torch.nn.Linear]) -> None:
    """Compare our parameters with those of linear layers."""
    for own, other in paired(ours, linears):
        torch.testing.assert_close(own, other, rtol=1e-6, atol=1e-9)
