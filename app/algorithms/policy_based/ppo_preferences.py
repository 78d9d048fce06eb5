r"""PPO from preferences: nobody writes a reward down; a rater says which of two clips is better, and a network finds the reward.

A clip $c$ is a stretch of an episode. The rater is taken to prefer the clip whose steps are worth more together, with the
probability of Bradley and Terry, $\sigma$ the logistic function, except for a share $e$ of answers that are given by chance:

$$\hat P(c^1 \succ c^2) = (1 - e)\,\sigma\Big(\sum_t \hat r_\phi(s^1_t, a^1_t) - \sum_t \hat r_\phi(s^2_t, a^2_t)\Big) + \frac e2 \tag{1}$$

Without that share every wrong answer about two very different clips would have to be explained, and the network bends until it is.
Who errs with probability $q$ gives $2q$ of the answers by chance, since chance is right every other time.

The reward model makes what was said likely; $\mu$ is 1 where the first was preferred, 0 where the second was, ½ where neither was:

$$L(\phi) = -\,\mathbb{E}\big[\mu \log \hat P(c^1 \succ c^2) + (1 - \mu) \log \hat P(c^2 \succ c^1)\big] \tag{2}$$

The rater is asked about clips of what the policy does now, most often at first: after a share p of the budget,

$$n(p) = n \cdot \big(\tfrac14 + \tfrac34\,(1 - (1 - p)^2)\big) \tag{3}$$

answers are known. Then PPO learns from $\hat r$ in the place of the environment's reward, divided by its root mean square over the
rollout, since its size is nothing but how sure the answers were. With $\rho_t$ the ratio of the new to the old probability of an
action, as in PPO:

$$L^{clip}(\theta) = -\,\mathbb{E}_t\big[\min\big(\rho_t \hat A_t,\; \mathrm{clip}(\rho_t, 1-\epsilon, 1+\epsilon)\,\hat A_t\big)\big] \tag{4}$$

$$L(\theta) = L^{clip} + c_1\, \mathbb{E}_t\big[(V_\theta(s_t) - \hat G_t)^2\big] - c_2\, \mathbb{E}_t[H(\pi_\theta(\cdot \mid s_t))] \tag{5}$$

The returns that are shown are the true ones: the agent never sees them. The simulated rater does: it prefers what truly earned
more, and errs with a set probability. With `labels` at `stored` the answers are those that a person gave to clips of another run,
and nobody is asked anything. Clips of one episode's length only say which is better, not whether a step is worth anything at all:
where episodes may end early, clips that end with them say that.

What this file leaves out:

1. several reward models that vote, and asking about the clips on which they disagree;
2. the reward's mean being taken off, which would make a fall no worse than standing where episodes end early;
3. regularisation of the reward model by a held-out share of the answers: few steps with a small step size take its place.

Sources: Christiano et al. (2017), "Deep reinforcement learning from human preferences", arXiv 1706.03741; Schulman et al. (2017),
"Proximal policy optimization algorithms", arXiv 1707.06347.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from pydantic import ValidationInfo, field_validator

from app.core.config import BrokenRule, Hyper
from app.core.contracts import Array, Environment, Problem
from app.core.errors import InvalidInput
from app.core.report import Report
from app.core.scalars import Scalar
from app.core.specs import AlgorithmSpec, Smoke
from app.core.text import _, filled
from app.parts.clip_pairs import MOST_BYTES, ClipPairs, Seen, answers, cut, handed
from app.parts.kept_steps import RolloutSize, divisor_near
from app.parts.networks import Networks, Shape, hidden_sizes
from app.parts.noted import MINIBATCH_SIGNALS
from app.parts.on_policy import ROLLOUT_SIGNALS, RolloutLearner
from app.parts.optimisers import Adam
from app.parts.policy_learner import NetworkChoices, Samples, mean_of, standardised
from app.parts.schedules import KINDS, scheduled

STORED = "stored"


class PPOPreferencesConfig(RolloutSize, NetworkChoices):
    """Hyperparameters of PPO from preferences; those of PPO are the defaults of its fast preset."""

    # fmt: off
    labels: str = Hyper("simulated", choices=("simulated", STORED), settled=True,
        help=_("Who says what is better: a simulated rater, or the stored answers to pairs of the run that this one starts from."))
    n_labels: int = Hyper(600, low=4, high=5000, unit=_("answers"), symbol="n", settled=True,
        help=_("Answers of the simulated rater over the whole budget: raising it makes the reward surer and costs somebody's time."))
    label_noise: float = Hyper(0.1, low=0, high=1, live="update",
        help=_("Probability that the rater prefers the wrong one: raising it makes preferences less telling."))
    error_share: float = Hyper(0.2, low=0, high=0.9, symbol="e", live="update",
        help=_("Share of answers that the reward model takes to be given by chance: raising it lets it give up on answers that do not fit. A rater that errs with label_noise answers twice as often by chance."))
    clip_steps: int = Hyper(25, low=2, high=100, unit=_("env steps"), settled=True,
        help=_("Steps of a clip: raising it shows the rater more, and leaves more open which of the steps was good."))
    reward_learning_rate: float = Hyper(3e-3, above=0, high=1, scale="log", live="update", advanced=True,
        help=_("Step size of the reward model: raising it learns faster until its loss jumps."))
    reward_steps: int = Hyper(20, low=1, high=1000, unit=_("gradient steps"), live="update", advanced=True,
        help=_("Gradient steps of the reward model after each rollout: raising it follows the answers more closely and costs time."))
    reward_batch: int = Hyper(64, low=2, high=1024, unit=_("pairs"), live="update", advanced=True,
        help=_("Pairs of a gradient step of the reward model: raising it makes steps steadier."))
    learning_rate: float = Hyper(3e-3, above=0, high=1, symbol=r"\alpha", scale="log", live="update",
        help=_("Step size of Adam: raising it learns faster until updates overshoot and the policy collapses."))
    schedule: str = Hyper("linear", choices=KINDS, live="update",
        help=_("Linear lowers learning rate and clip interval to 0 over the budget, which settles the final policy."))
    n_envs: int = Hyper(8, low=1, high=64, unit=_("environments"), settled=True,
        help=_("Copies of the environment stepped together: raising it gives more varied data per rollout and runs faster."))
    n_steps: int = Hyper(64, low=2, high=16_384, unit=_("env steps"), settled=True,
        help=_("Steps of each environment per rollout: raising it lowers the noise of an update and makes updates rarer."))
    batch_size: int = Hyper(128, low=2, high=65_536, unit=_("samples"), live="update",
        help=_("Samples per gradient step: raising it gives fewer, steadier steps. Must divide n_steps × n_envs."))
    n_epochs: int = Hyper(3, low=1, high=50, unit=_("epochs"), live="update",
        help=_("Passes over each rollout: raising it uses the data more and moves the policy further from it."))
    gamma: float = Hyper(0.98, low=0, high=1, symbol=r"\gamma", live="update",
        help=_("Discount: raising it makes the agent look further ahead and the estimates noisier."))
    gae_lambda: float = Hyper(0.9, low=0, high=1, symbol=r"\lambda", live="update",
        help=_("Trace of the advantages: 0 trusts the critic (biased), 1 the observed returns (noisy)."))
    clip_range: float = Hyper(0.2, above=0, high=1, symbol=r"\epsilon", live="update",
        help=_("Half width of the clip interval: raising it lets one update change the policy more."))
    ent_coef: float = Hyper(0.0, low=0, high=1, symbol="c_2", live="update",
        help=_("Weight of the entropy bonus: raising it keeps the policy exploring."))
    vf_coef: float = Hyper(0.5, low=0, high=10, symbol="c_1", live="update", advanced=True,
        help=_("Weight of the critic's loss: raising it favours the critic where the gradient norm is clipped."))
    max_grad_norm: float = Hyper(0.5, above=0, high=1e6, live="update", advanced=True,
        help=_("Largest gradient norm: raising it lets rare large gradients through."))
    # fmt: on

    @field_validator("batch_size")
    @classmethod
    def _check_minibatches(cls, value: int, info: ValidationInfo) -> int:
        size = info.data.get("n_steps", 0) * info.data.get("n_envs", 0)
        if size and size % value:
            way_out = filled(_("Use {near}, or change n_steps or n_envs."), near=divisor_near(size, value))
            raise BrokenRule(filled(_("must divide n_steps × n_envs = {size}"), size=size), way_out)
        return value


def preferred(sums: Array, error_share: float = 0.0) -> Array:
    """Return P̂ (1) that the first of two clips is preferred (M,), given the sums of their predicted rewards (M, 2)."""
    margins = np.clip(sums[:, 0] - sums[:, 1], -500, 500)
    return np.asarray((1 - error_share) / (1 + np.exp(-margins)) + error_share / 2)  # (1)


def preference_loss(sums: Array, shares: Array, error_share: float = 0.0) -> float:
    """Return L (2) of pairs with sums (M, 2) and answers (M,)."""
    first, second = preferred(sums, error_share), preferred(sums[:, ::-1], error_share)
    return float(-(shares * np.log(first) + (1 - shares) * np.log(second)).mean())  # (2)


def preference_slope(sums: Array, shares: Array, error_share: float = 0.0) -> Array:
    """Return ∂L / ∂sums (M, 2) of (2)."""
    first, second = preferred(sums, error_share), preferred(sums[:, ::-1], error_share)
    steepness = (1 - error_share) * preferred(sums) * preferred(sums[:, ::-1])
    slope = steepness * ((1 - shares) / second - shares / first) / len(shares)
    return np.stack([slope, -slope], axis=1)


def wanted_labels(n_labels: int, progress: float) -> int:
    """Return how many answers are known (3) after a share of the budget; at least 1."""
    return max(1, int(n_labels * (0.25 + 0.75 * (1 - (1 - min(1.0, progress)) ** 2))))  # (3)


class PPOPreferencesAgent(RolloutLearner):
    """A policy and a critic that learn from a reward model, and the reward model that learns from answers."""

    config: PPOPreferencesConfig
    parameters = {**RolloutLearner.parameters, "reward_weights": "reward_networks"}
    saved = (*RolloutLearner.saved, "optimiser", "reward_optimiser", "pairs")
    counters = {**RolloutLearner.counters, "orders_drawn": "shuffle_random", "answers_drawn": "label_random"}

    def __init__(self, config: PPOPreferencesConfig, problem: Problem) -> None:
        super().__init__(config, problem)
        self.optimiser = Adam(self.networks, epsilon=1e-5)
        self.shuffle_random, self.label_random = problem.stream("minibatches"), problem.stream("labels")
        self.seen = Seen(problem.environment, self.batch.states().shape[1])
        self.reward_networks = Networks(Shape((self.seen.size, *hidden_sizes(config.net_arch), 1), config.activation))
        self.reward_networks.initialise(problem.stream("reward initialisation"))
        self.reward_optimiser = Adam(self.reward_networks)
        is_stored, given = config.labels == STORED, (problem.origin or {}).get("labels")
        self.pairs = ClipPairs(0 if is_stored else config.n_labels, config.clip_steps, self.seen.size)
        if is_stored and given is not None:
            self.pairs = handed(given, self.seen)

    def update(self, max_steps: int) -> Report:
        """Collect until the rollout is full, then learn from it; return sooner after `max_steps` steps."""
        start, scalars = self.env_steps, dict[str, float]()
        if self.collect(start + max_steps):
            scalars = self.judge_rollout() | self.learn()
            self.rollout.clear()
        return Report(self.env_steps - start, int(bool(scalars)), self.episodes.take(), scalars)

    def judge_rollout(self) -> dict[str, float]:
        """Ask the rater, fit the reward model, and put its rewards in the place of the environment's."""
        rollout, shape = self.rollout, self.rollout.rewards.shape
        observations, actions = (
            array.reshape(-1, *array.shape[2:]) for array in (rollout.observations, rollout.actions)
        )
        features = self.seen.of(observations, actions)
        if self.config.labels != STORED:
            self.ask(features.reshape(*shape, -1))
        measured = self.fit()
        truth, said = rollout.rewards.copy(), self.reward(features).reshape(shape)
        said /= np.sqrt(np.square(said).mean()) + 1e-8
        rollout.rewards[:] = said
        both = np.std(truth) * np.std(said)
        alike = float(np.mean((truth - truth.mean()) * (said - said.mean())) / both) if both > 1e-12 else 0.0
        return measured | {"train/predicted_reward": float(said.mean()), "train/reward_correlation": alike}

    def ask(self, features: Array) -> None:
        """Have the simulated rater compare as many new pairs of clips of the rollout (T, N, F) as are due."""
        rollout, config = self.rollout, self.config
        due = wanted_labels(config.n_labels, self.env_steps / self.total_steps) - self.pairs.count
        if due > 0:
            ended = rollout.terminated | rollout.truncated
            clips, lengths, returns = cut(
                features, rollout.rewards, ended, count=due, clip_steps=config.clip_steps, random=self.label_random
            )
            shares = answers(returns, label_noise=config.label_noise, random=self.label_random)
            self.pairs.add(clips, lengths, shares)

    def fit(self) -> dict[str, float]:
        """Take gradient steps of the reward model down L (2), and return what they measured.

        Raises:
            InvalidInput: there are no answers.
        """
        pairs, config, losses, hits = self.pairs, self.config, list[float](), list[float]()
        if not pairs.count:
            rule, way_out = (
                _("there are no stored labels to learn from"),
                _("Start from a run whose clips were judged."),
            )
            raise InvalidInput.one("config.labels", config.labels, rule, way_out)
        mlp, within = self.reward_networks.mlps[0], pairs.within
        for _step in range(config.reward_steps):
            which = self.label_random.integers(pairs.count, config.reward_batch)
            mask, shares = within[which], pairs.shares[which]
            layers = mlp.activations(pairs.features[which].reshape(-1, self.seen.size))
            sums = (layers[-1].reshape(mask.shape) * mask).sum(axis=2, dtype=np.float64)
            slopes = preference_slope(sums, shares, config.error_share)[..., None] * mask
            mlp.backward(layers, slopes.reshape(-1, 1).astype(np.float32))
            losses.append(preference_loss(sums, shares, config.error_share))
            self.check_finite({"train/reward_loss": losses[-1]})
            self.reward_optimiser.step(config.reward_learning_rate)
            told = shares != 0.5
            hits.append(float(((preferred(sums) > 0.5) == (shares > 0.5))[told].mean()) if told.any() else 0.5)
        return {
            "train/reward_loss": float(np.mean(losses)),
            "train/reward_accuracy": float(np.mean(hits)),
            "train/labels": float(pairs.count),
        }

    def reward(self, features: Array) -> Array:
        """Return r̂ (B,) of features (B, F)."""
        return self.reward_networks.mlps[0].forward(features)[:, 0].astype(np.float64)

    @np.errstate(all="ignore")  # what is not finite ends the run by its name
    def learn(self) -> dict[str, float]:
        """Take `n_epochs` passes of gradient steps over the rollout, and return what they measured."""
        config, measured = self.config, list[dict[str, float]]()
        samples, _old = self.estimate()
        self.noted.use(clip_range=self.now(config.clip_range), clip=True)
        for epoch in range(config.n_epochs):
            self.noted.begin_pass(epoch)
            order = self.shuffle_random.permutation(len(samples.actions))
            for minibatch in samples.minibatches(order, config.batch_size):
                numbers = self.differentiate(minibatch)
                numbers["train/grad_norm"] = self.clip_gradient(numbers["train/loss"], config.max_grad_norm)
                self.optimiser.step(self.now(config.learning_rate))
                measured.append(numbers)
        return mean_of(measured) | self.spread(samples) | {"train/learning_rate": self.now(config.learning_rate)}

    def differentiate(self, batch: Samples) -> dict[str, float]:
        """Compute the gradient of the loss L (5) of a minibatch, and return the loss and its parts as numbers."""
        config, clip_range, size = self.config, self.now(self.config.clip_range), len(batch.actions)
        new = self.judge(batch.observations, batch.actions)
        log_ratio = new.log_probs - batch.old_log_probs
        ratio, advantages = np.exp(log_ratio), standardised(batch.advantages)
        clipped = np.clip(ratio, 1 - clip_range, 1 + clip_range)
        l_clip = -np.minimum(ratio * advantages, clipped * advantages).mean()  # (4)
        has_gone_far = np.where(advantages > 0, ratio > 1 + clip_range, ratio < 1 - clip_range)
        slopes, errors = np.where(has_gone_far, 0, ratio * advantages) / -size, new.values - batch.returns
        on_values = config.vf_coef * 2 / size * errors
        self.backward(new, batch.actions, log_probs=slopes, entropy=-config.ent_coef / size, values=on_values)
        l_value, bonus = float(np.square(errors).mean()), float(new.entropies.mean())
        self.noted.ratios(log_ratio, slopes)
        return {
            "train/loss": float(l_clip) + config.vf_coef * l_value - config.ent_coef * bonus,  # (5)
            "train/policy_loss": float(l_clip),
            "train/value_loss": l_value,
            "train/entropy": bonus,
            "train/approx_kl": float((ratio - 1 - log_ratio).mean()),
            "train/clip_fraction": float((np.abs(ratio - 1) > clip_range).mean()),
        }

    def now(self, value: float) -> float:
        """Return a scheduled hyperparameter's value now."""
        return scheduled(value, self.config.schedule, self.env_steps / self.total_steps)

    def signals(self) -> Mapping[str, Callable[..., Array]]:
        """Return what panels may ask for."""
        return {name: compute for name, compute in super().signals().items() if name not in MINIBATCH_SIGNALS}


def check(config: Any, environment: Environment) -> None:
    """Refuse what a rater could not be shown.

    Raises:
        InvalidInput: clips that take too much memory, or normalised observations, which are not what is drawn.
    """
    size = config.n_labels * 2 * config.clip_steps * (environment.observation_size + environment.n_actions) * 4
    if size > MOST_BYTES:
        rule = _("these clips take {size} MB and at most {limit} MB are kept").format(
            size=size >> 20, limit=MOST_BYTES >> 20
        )
        raise InvalidInput.one("config.n_labels", config.n_labels, rule, _("Lower it, or make clips shorter."))
    if config.normalize:
        rule = _("must be off: a reward model is shown what the rater is shown")
        raise InvalidInput.one("config.normalize", True, rule, _("Leave it off."))


SPEC = AlgorithmSpec(
    id="ppo_preferences",
    name=_("PPO from preferences"),
    summary=_("A rater compares clips, a network learns a reward from the answers, and PPO learns from that reward."),
    family="policy_based",
    version=2,
    config=PPOPreferencesConfig,
    agent=PPOPreferencesAgent,
    smoke=Smoke("CartPole-v1", 30_000),
    actions="any",
    parent="ppo",
    emits=(
        "train/reward_loss", "train/reward_accuracy", "train/reward_correlation", "train/labels",
        "train/predicted_reward", "train/loss", "train/policy_loss", "train/value_loss", "train/entropy",
        "train/approx_kl", "train/clip_fraction", "train/explained_variance", "train/advantage_mean",
        "train/advantage_std", "train/learning_rate", "train/grad_norm", "train/action_std",
    ),
    signals=tuple(name for name in ROLLOUT_SIGNALS if name not in MINIBATCH_SIGNALS),
    scalars=(
        Scalar("train/reward_loss", _("Loss of the reward model"), _("nats"), "down", _("How unlikely it holds the answers; 0.69 is guessing.")),
        Scalar("train/reward_accuracy", _("Answers that it gives, too"), _("share"), "up", _("Share of known pairs, ties apart, that the reward model ranks as the rater did.")),
        Scalar("train/reward_correlation", _("Correlation with the true reward"), "", "up", _("Of the predicted with the true reward over a rollout's steps; 0 where the true one is the same at every step.")),
        Scalar("train/labels", _("Answers so far"), _("answers"), "neither", _("Pairs of clips that the rater has compared.")),
        Scalar("train/predicted_reward", _("Predicted reward"), "", "neither", _("Mean of what the policy learns from; its size is set to about 1.")),
    ),
    references=(
        "Christiano et al. (2017), Deep reinforcement learning from human preferences, arXiv 1706.03741",
        "Schulman et al. (2017), Proximal policy optimization algorithms, arXiv 1707.06347",
    ),
    check=check,
)  # fmt: skip
