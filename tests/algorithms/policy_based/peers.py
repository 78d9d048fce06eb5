"""Stable-Baselines3's and sb3-contrib's agents in double precision with our weights and our rollout, for parity."""

from typing import Any

import gymnasium
import numpy as np
import torch

from app.core.contracts import Array
from app.core.randomness import Stream
from app.parts.on_policy import RolloutLearner
from app.parts.policy_learner import PolicyLearner
from tests.algorithms.doubles import theirs_in_doubles

WIDE = 1e9  # no clipping of the gradient


def shift(built: PolicyLearner, size: float) -> None:
    """Move the weights somewhere less special than their start."""
    built.networks.weights += size * Stream(1, "shift").normals(len(built.networks.weights)).astype(np.float32)


def peer(name: str, built: RolloutLearner, policy: dict[str, Any] | None = None, **arguments: Any) -> Any:
    """Return an agent of theirs with our weights, and our rollout in its buffer."""
    import sb3_contrib
    import stable_baselines3
    from stable_baselines3.common.logger import Logger
    from stable_baselines3.common.vec_env import DummyVecEnv

    steps, envs, size = built.rollout.observations.shape

    class Space(gymnasium.Env[Any, Any]):
        observation_space = gymnasium.spaces.Box(-10, 10, (size,))
        action_space: Any = (
            gymnasium.spaces.Box(-0.5, 0.5, built.head.action_shape)
            if built.head.free
            else gymnasium.spaces.Discrete(built.head.outputs)
        )

    config = built.config
    kind = getattr(stable_baselines3, name, None) or getattr(sb3_contrib, name)
    limit = {} if name == "TRPO" else {"max_grad_norm": WIDE}
    theirs = kind(
        "MlpPolicy", DummyVecEnv([Space] * envs), device="cpu", n_steps=steps, gamma=config.gamma,
        gae_lambda=config.gae_lambda, policy_kwargs={"net_arch": [8, 8], **(policy or {})}, **limit, **arguments,
    )  # fmt: skip
    theirs.set_logger(Logger(None, []))
    theirs_in_doubles(theirs.policy)
    load_into(built, theirs)
    fill(built, theirs)
    return theirs


def their_parameters(built: PolicyLearner, theirs: Any) -> list[torch.Tensor]:
    """Return their parameters in the order of our flat vector."""
    policy = theirs.policy
    stacks = (
        [*policy.mlp_extractor.policy_net, policy.action_net],
        [*policy.mlp_extractor.value_net, policy.value_net],
    )
    linears = [layer for stack in stacks for layer in stack if isinstance(layer, torch.nn.Linear)]
    free = [policy.log_std] if built.head.free else []
    return [*free, *(tensor for layer in linears for tensor in (layer.weight, layer.bias))]


def load_into(built: PolicyLearner, theirs: Any) -> None:
    """Give their agent our weights."""
    start = 0
    with torch.no_grad():
        for tensor in their_parameters(built, theirs):
            stop = start + tensor.numel()
            tensor.copy_(torch.from_numpy(built.networks.weights[start:stop].copy()).view(tensor.shape))
            start = stop
    assert start == len(built.networks.weights)


def their_weights(built: PolicyLearner, theirs: Any) -> Array:
    """Return their parameters as one flat vector (P,)."""
    return np.concatenate([tensor.detach().numpy().ravel() for tensor in their_parameters(built, theirs)])


def their_gradient(built: PolicyLearner, theirs: Any) -> Array:
    """Return the gradient their last step left, as one flat vector (P,)."""
    parts = []
    for tensor in their_parameters(built, theirs):
        assert tensor.grad is not None
        parts.append(tensor.grad.numpy().ravel())
    return np.concatenate(parts)


def fill(built: RolloutLearner, theirs: Any) -> None:
    """Put our rollout into their buffer, with truncated steps bootstrapped as they do it: in the reward."""
    rollout, gamma = built.rollout, built.config.gamma
    buffer = theirs.rollout_buffer
    for name in ("rewards", "returns", "values", "log_probs", "advantages", "episode_starts"):
        setattr(buffer, name, getattr(buffer, name).astype(np.float64))
    ended = rollout.terminated | rollout.truncated
    starts = np.vstack([np.ones((1, ended.shape[1])), ended[:-1]])
    for t in range(len(ended)):
        actions = rollout.actions[t]
        with torch.no_grad():
            values, log_probs, _ = theirs.policy.evaluate_actions(
                torch.from_numpy(rollout.observations[t]), torch.from_numpy(actions)
            )
        rewards = rollout.rewards[t] + gamma * rollout.final_values[t].astype(np.float64) * rollout.truncated[t]
        columns = actions if built.head.free else actions[:, None]
        buffer.add(rollout.observations[t], columns, rewards, starts[t], values, log_probs)
    with torch.no_grad():
        last = theirs.policy.predict_values(torch.from_numpy(built.observations))
    buffer.compute_returns_and_advantage(last, ended[-1])
