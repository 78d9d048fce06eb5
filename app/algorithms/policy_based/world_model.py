r"""Planning in a learned model (world model).

The agent learns from its own steps how the world answers, and before every action it tries out many plans in what it has
learned. Nothing is stored of how to act: the policy is the search, done anew in every state.

E networks, each started otherwise and trained on minibatches of its own, so that they disagree where experience is thin,
predict the change of the observation, the reward and whether the step terminates the episode; ~ marks numbers with their mean
taken off and divided by their deviation:

$$\big(\tilde\Delta_i,\; \tilde r_i,\; \ell_i\big) = f_{\theta_i}(\tilde s, a), \qquad \hat s'_i = s + \Delta_i, \qquad \hat d_i = \frac{1}{1 + e^{-\ell_i}} \tag{1}$$

$$L(\theta_i) = \mathbb{E}\Big[\tfrac12 \big\|\tilde\Delta_i - (\widetilde{s' - s})\big\|^2 + \tfrac12 (\tilde r_i - \tilde r)^2 - d \log \hat d_i - (1 - d) \log (1 - \hat d_i)\Big] \tag{2}$$

A plan is H actions. It is judged by the mean over the networks of what each imagines to earn: the rewards, each counted by
how likely the episode still goes on, and after the last step the value of where it has come:

$$J(a_0, \dots, a_{H-1}) = \frac1E \sum_{i=1}^E \Big[\sum_{k=0}^{H-1} \gamma^k c_k\, \hat r_k + \gamma^H c_H\, V_\phi(\hat s_H)\Big], \qquad c_0 = 1, \quad c_{k+1} = c_k\,(1 - \hat d_k) \tag{3}$$

Plans are searched by the cross-entropy method: of C plans drawn from a distribution the best are kept, and the next are drawn
from a distribution with their mean and deviation, where an action is a unit vector (the mean is then a probability for each)
or made of numbers from −1 to 1. One round is random shooting:

$$\mu_k \leftarrow \frac{1}{|\mathcal E|} \sum_{j \in \mathcal E} a_k^j, \qquad \sigma_k^2 \leftarrow \frac{1}{|\mathcal E|} \sum_{j \in \mathcal E} (a_k^j - \mu_k)^2 \tag{4}$$

The first action of the last mean is taken, and the rest of the plan is thrown away.

A short plan cannot see what lies beyond it, and a long one costs time and adds up the errors of the model. So a value function
is fitted, φ⁻ a slow copy of φ: to what followed in experience, or to one step of thinking ahead, $\mathcal A$ all actions or a
few drawn ones. The first values what the agent has done so far, which warns of where it came to grief; the second what it
could do if the model were right:

$$y = r + \gamma\,(1 - d)\,V_{\phi^-}(s') \qquad \text{or} \qquad y = \max_{a \in \mathcal A} \frac1E \sum_{i=1}^E \big[\hat r_i + \gamma\,(1 - \hat d_i)\,V_{\phi^-}(\hat s'_i)\big] \tag{5}$$

$$L(\phi) = \tfrac12\,\mathbb{E}\big[(V_\phi(s) - y)^2\big] \tag{6}$$

Planning costs E · C · H evaluations of a network in each round, for one action: with the defaults some ten thousand, where a
policy network needs one. What is saved is experience.

What this file leaves out:
1. chance: the networks predict one answer, not a distribution, so a world that rolls dice is averaged;
2. plans that go on from the last step's plan, which would make the action depend on more than the observation;
3. a price for disagreement, or a bonus for it: the networks' mean is all that counts;
4. pixels and a latent state that remembers: what is seen is taken for the state;
5. gradients through the model: it is only asked, never differentiated, when planning.

Sources: Chua, Calandra, McAllister, Levine (2018), "Deep reinforcement learning in a handful of trials using probabilistic
dynamics models", arXiv 1805.12114, with networks that predict no deviation; the value after the plan is that of Lowrey et al.
(2019), "Plan online, learn offline", arXiv 1811.01848.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.core.config import Hyper
from app.core.jit import kernel
from app.core.randomness import Stream
from app.core.report import Report
from app.core.specs import AlgorithmSpec, Line, Minibatch, Smoke
from app.core.text import _
from app.parts.columns import perceptron
from app.parts.experience import FARTHEST, check, needs_numbers
from app.parts.replay import Transitions
from app.parts.world_learner import OWN_SCALARS, OWN_SIGNALS, WORLD_SCALARS, WORLD_SIGNALS, WorldConfig, WorldLearner

Array = NDArray[Any]
FLOOR = 0.1  # share of plans that stays uniform, and least deviation of a number, so that the search never stops early


class WorldModelConfig(WorldConfig):
    """Hyperparameters of planning in a learned model."""

    # fmt: off
    horizon: int = Hyper(10, low=1, high=100, unit=_("env steps"), symbol="H", live="step",
        help=_("Length of a plan: raising it looks further ahead by the model, at a cost in time and in trust."))
    n_candidates: int = Hyper(64, low=2, high=1024, unit=_("plans"), symbol="C", live="step",
        help=_("Plans tried in a round: raising it finds better ones and costs time in proportion."))
    n_rounds: int = Hyper(3, low=1, high=20, unit=_("rounds"), live="step",
        help=_("Rounds of the search: raising it settles on one plan; 1 is random shooting."))
    elite_share: float = Hyper(0.125, above=0, high=1, unit=_("share"), live="step", advanced=True,
        help=_("Share of the plans from which the next round is made: raising it searches more broadly and settles later."))
    persistence: float = Hyper(0.5, low=0, high=0.99, live="step", advanced=True,
        help=_("How much an action of a drawn plan resembles the one before it: raising it tries plans that push one way for longer."))
    exploration: float = Hyper(0.05, low=0, high=1, unit=_("probability"), symbol=r"\varepsilon", live="step",
        help=_("Probability of a random action in place of the planned one in training: raising it sees more of the world and earns less."))
    # fmt: on


def prediction_loss(outputs: Array, targets: Array, terminated: Array) -> float:
    """Return L (2) of outputs (B, D + 2) for scaled changes and rewards (B, D + 1) and terminated (B,)."""
    logits = outputs[:, -1]
    surprise = np.logaddexp(0.0, logits) - terminated * logits  # (2)
    return float((0.5 * np.square(outputs[:, :-1] - targets).sum(axis=1) + surprise).mean())  # (2)


def prediction_slope(outputs: Array, targets: Array, terminated: Array) -> Array:
    """Return ∂L/∂outputs of (2), (B, D + 2)."""
    slope = np.empty_like(outputs)
    slope[:, :-1] = outputs[:, :-1] - targets  # (2)
    slope[:, -1] = sigmoid(outputs[:, -1]) - terminated  # (2)
    return slope / np.float32(len(outputs))


def sigmoid(logits: Array) -> Array:
    """Return the probability (1) of logits, whatever their shape."""
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * logits)))  # (1)


def value_targets(rewards: Array, ends: Array, next_values: Array, gamma: float) -> Array:
    """Return y (5) (B,) for what E networks say of K actions in each of B states, each (E, B, K)."""
    return np.asarray((rewards + gamma * (1 - ends) * next_values).mean(axis=0).max(axis=1))  # (5)


@kernel
def imagine(
    members: Any, sizes: Any, critic: Any, critic_sizes: Any, scales: Any, value_scale: Any,
    start: Any, plans: Any, gamma: Any, scratch: Any, returns: Any,
) -> None:  # fmt: skip
    """Write J (3) of C plans into returns (C,), all float32.

    Args:
        members: the parameters of the networks (E, P) and their layers' sizes; the critic's (P',) likewise.
        scales: mean and deviation of observations, then of changes and reward (4, D + 1).
        start: the observation (D,). plans: (H, A, C). scratch: (3, W, C), W the widest layer or more.
    """
    size, count = len(start), plans.shape[2]
    state, alive = scratch[2], np.empty(count, np.float32)
    returns[:] = np.float32(0.0)
    for member in range(len(members)):
        alive[:] = np.float32(1.0)
        discount = np.float32(1.0)
        for d in range(size):
            state[d, :] = start[d]
        for k in range(len(plans)):
            scale_into(state, scales, scratch[0], size)
            scratch[0, size : size + plans.shape[1]] = plans[k]
            answer = perceptron(members[member], sizes, scratch[0], scratch[1])
            for c in range(count):
                returns[c] += discount * alive[c] * (scales[2, size] + scales[3, size] * answer[size, c])  # (3)
                alive[c] /= np.float32(1.0) + np.exp(answer[size + 1, c])
            for d in range(size):
                for c in range(count):
                    state[d, c] += scales[2, d] + scales[3, d] * answer[d, c]  # (1)
            discount *= gamma
        scale_into(state, scales, scratch[0], size)
        values = perceptron(critic, critic_sizes, scratch[0], scratch[1])
        for c in range(count):
            returns[c] += discount * alive[c] * value_scale * values[0, c]
    for c in range(count):
        returns[c] /= np.float32(len(members))


@kernel
def scale_into(state: Any, scales: Any, out: Any, size: Any) -> None:
    """Write observations in columns (D, C) with mean and deviation taken off into the first D rows of `out`."""
    far = np.float32(FARTHEST)
    for d in range(size):
        for c in range(out.shape[1]):
            out[d, c] = min(max((state[d, c] - scales[0, d]) / scales[1, d], -far), far)


@kernel
def draw_plans(noise: Any, is_choice: Any, mean: Any, deviation: Any, plans: Any) -> None:
    """Write C plans (H, A, C) drawn around mean and deviation (H, A): noise (H, 1, C) uniform or (H, A, C) normal."""
    n_steps, n_numbers, count = plans.shape
    for k in range(n_steps):
        for c in range(count):
            left = noise[k, 0, c]
            for a in range(n_numbers):
                if is_choice:
                    share = (np.float32(1.0) - np.float32(FLOOR)) * mean[k, a] + np.float32(FLOOR / n_numbers)
                    plans[k, a, c] = np.float32(left >= 0.0 and (left < share or a == n_numbers - 1))
                    left = left - share if left >= share else np.float32(-1.0)
                else:
                    spread = max(deviation[k, a], np.float32(FLOOR)) * noise[k, a, c]
                    plans[k, a, c] = min(max(mean[k, a] + spread, np.float32(-1.0)), np.float32(1.0))


@kernel
def keep_elites(plans: Any, elites: Any, mean: Any, deviation: Any) -> None:
    """Write mean and deviation (H, A) of the plans (H, A, C) with the numbers `elites` (4)."""
    count = np.float32(len(elites))
    for k in range(mean.shape[0]):
        for a in range(mean.shape[1]):
            total, squares = np.float32(0.0), np.float32(0.0)
            for c in elites:
                total += plans[k, a, c]
            mean[k, a] = total / count  # (4)
            for c in elites:
                squares += (plans[k, a, c] - mean[k, a]) ** 2
            deviation[k, a] = np.sqrt(squares / count)


@kernel
def search(
    members: Any, sizes: Any, critic: Any, critic_sizes: Any, scales: Any, value_scale: Any,
    start: Any, noise: Any, is_choice: Any, n_elites: Any, gamma: Any, mean: Any, deviation: Any,
    plans: Any, scratch: Any, returns: Any,
) -> None:  # fmt: skip
    """Search the plans from one observation (D,): mean and deviation (H, A) end as those of the last elites, noise (R, …)."""
    for number in range(len(noise)):
        draw_plans(noise[number], is_choice, mean, deviation, plans)
        imagine(members, sizes, critic, critic_sizes, scales, value_scale, start, plans, gamma, scratch, returns)
        keep_elites(plans, np.argsort(-returns, kind="mergesort")[:n_elites], mean, deviation)


def numbers_of(outputs: Array, targets: Array, terminated: Array) -> dict[str, Any]:
    """Return the columns of `MINIBATCH`, each (B,) or one number, from what a network predicted."""
    errors, logits = outputs[:, :-1] - targets, outputs[:, -1].astype(np.float64)
    log_chance, chance = terminated * logits - np.logaddexp(0.0, logits), sigmoid(logits * (2 * terminated - 1))
    numbers = (
        np.square(errors[:, :-1]).sum(axis=1), outputs[:, -2], targets[:, -1], terminated, sigmoid(logits), chance, log_chance,
        0.5 * np.square(errors).sum(axis=1) - log_chance, len(targets), errors[:, -1] / len(targets),
    )  # fmt: skip
    return dict(zip(MINIBATCH.columns, numbers, strict=True))


def told(row: Mapping[str, float]) -> str:
    """Return what to know of a sample: whether the end was foreseen."""
    if row["terminated"]:
        return _("the episode ended here, as foreseen") if row["chance"] > 0.5 else _("an end that was not foreseen")
    return _("the episode went on") if row["chance"] > 0.5 else _("an end was foreseen that did not come")


MINIBATCH = Minibatch(
    columns=(
        "change_error", "reward_said", "reward", "terminated", "end_said", "chance", "log_chance", "loss", "size", "slope",
    ),
    lines=(
        Line(r"p = d\,\hat d + (1 - d)\,(1 - \hat d)", (("d", "terminated"), (r"\hat d", "end_said")), "chance", 2, "surprise ="),
        Line(r"\ell = \frac{1}{2}\,E + \frac{1}{2}\,(\hat r - r)^2 - \log p",
             (("E", "change_error"), (r"\hat r", "reward_said"), ("r", "reward"), (r"\log p", "log_chance")), "loss", 2, "square("),
        Line(r"\frac{\partial L}{\partial \hat r} = \frac{1}{B}\,(\hat r - r)",
             (("B", "size"), (r"\hat r", "reward_said"), ("r", "reward")), "slope", 2, "slope[:, :-1]"),
    ),
    contribution="loss",
    loss="L",
    shown=(
        ("change_error", "E", _("squared error of the predicted change, in deviations")),
        ("reward_said", r"\hat r", _("the predicted reward, in deviations")),
        ("end_said", r"\hat d", _("the predicted probability that the episode terminates")),
        ("loss", r"\ell", _("its part of the loss of one network, before the mean")),
    ),
    note=told,
)  # fmt: skip


class WorldModelAgent(WorldLearner):
    """Networks of the world and of values, and the search through them."""

    config: WorldModelConfig

    def update(self, max_steps: int) -> Report:
        """Act until the next update is due and learn; return sooner after `max_steps` steps."""
        start, scalars = self.env_steps, dict[str, float]()
        while not scalars:
            self.collect_step()
            if self.must_learn:
                scalars = self.learn()
            if self.env_steps - start + self.config.n_envs > max_steps:
                break
        return Report(self.env_steps - start, int(bool(scalars)), self.episodes.take(), scalars)

    @np.errstate(all="ignore")  # what is not finite ends the run by its name
    def learn(self) -> dict[str, float]:
        """Take `gradient_steps` steps of model and values, and return what they measured."""
        measured = []
        for _step in range(self.config.gradient_steps):
            losses = [self.differentiate_member(index) for index in range(self.config.n_members)]
            numbers = {"train/model_loss": float(np.mean(losses))}
            numbers["train/grad_norm"] = self.descend(self.model_optimiser, "train/model_loss", sum(losses))
            batch = self.replay.sample(self.config.batch_size, self.replay_random)
            numbers["train/value_loss"] = self.differentiate_critic(batch)
            self.descend(self.critic_optimiser, "train/value_loss", numbers["train/value_loss"])
            self.move_target()
            measured.append(numbers)
        return self.summary(measured)

    def differentiate_member(self, index: int) -> float:
        """Compute the gradient of one network's loss on a minibatch of its own, and return the loss."""
        batch = self.replay.sample(self.config.batch_size, self.replay_random)
        layers = self.members[index].activations(self.inputs(batch.observations, batch.actions))
        predicted = (layers[-1], self.targets(batch), batch.terminated)
        seen, actions = self.scaled(batch.observations), self.actions(batch.actions)
        self.noted.minibatch(seen, actions, partial(numbers_of, *predicted))
        self.members[index].backward(layers, prediction_slope(*predicted))
        return prediction_loss(*predicted)

    def differentiate_critic(self, batch: Transitions) -> float:
        """Compute the gradient of the value's loss (6) at the states of a minibatch, and return the loss, in scaled units."""
        scale = self.value_scale
        if self.config.value_from == "experience":  # one answer, the real one, to one action, the one taken
            rewards, ends = (column[None, :, None] for column in (batch.rewards, batch.terminated))
            next_observations = batch.next_observations[None, :, None]
        else:
            rewards, ends, next_observations = self.answers(batch.observations, self.considered(len(batch.rewards)))
        next_values = scale * self.target_critic.forward(self.scaled(next_observations))[..., 0]
        targets = value_targets(rewards, ends, next_values, self.config.gamma) / scale
        layers = self.critic.activations(self.scaled(batch.observations))
        errors = layers[-1][:, 0] - targets.astype(np.float32)
        self.critic.backward(layers, errors[:, None] / np.float32(len(errors)))
        return 0.5 * float(np.square(errors).mean())  # (6)

    def behave(self, observations: Array, random: Stream) -> Array:
        """Return planned actions (B, A) as rows, each replaced by a random one with the probability of exploring."""
        is_random = random.uniforms(len(observations), 1) < self.config.exploration
        return np.where(is_random, self.random_rows(len(observations), random), self.planned(observations))

    def planned(self, observations: Array) -> Array:
        """Return the first action (B, A) of the plan found at each of the observations (B, D), as rows."""
        config, noise = self.config, self.noise()
        rows, size = np.empty((len(observations), self.n_actions), np.float32), self.n_actions
        gamma, value_scale = np.float32(config.gamma), np.float32(self.value_scale * config.use_value)
        plans = np.empty((config.horizon, size, config.n_candidates), np.float32)
        scratch = np.empty((3, self.widest, config.n_candidates), np.float32)
        returns = np.empty(config.n_candidates, np.float32)
        n_elites = max(1, round(config.elite_share * config.n_candidates))
        for index, observation in enumerate(observations.astype(np.float32)):
            mean = np.full((config.horizon, size), 0.0 if self.bounds is not None else 1 / size, np.float32)
            deviation = np.ones_like(mean)
            search(
                *self.kernel_arrays(), value_scale, observation, noise, self.bounds is None, n_elites, gamma,
                mean, deviation, plans, scratch, returns,
            )  # fmt: skip
            rows[index] = mean[0]
        return rows


SPEC = AlgorithmSpec(
    id="world_model",
    name=_("Learned world model"),
    summary=_("Learns by networks how the world answers, and before every action tries out plans in what it has learned."),
    family="policy_based",
    version=1,
    config=WorldModelConfig,
    agent=WorldModelAgent,
    smoke=Smoke(
        "CartPole-v1", 1_000,
        {"n_envs": 2, "learning_starts": 100, "batch_size": 16, "train_freq": 16, "net_arch": "16", "n_members": 2,
         "horizon": 3, "n_candidates": 8, "n_rounds": 2},
    ),
    actions="any",
    emits=WORLD_SCALARS,
    signals=WORLD_SIGNALS,
    scalars=OWN_SCALARS,
    own_signals=OWN_SIGNALS,
    minibatch=MINIBATCH,
    default_steps=3_000,
    eval_at_most=(4, 20),
    check=check,
    fits=needs_numbers,
    references=(
        "Chua, Calandra, McAllister, Levine (2018), Deep reinforcement learning in a handful of trials using probabilistic dynamics models, arXiv 1805.12114",
        "Lowrey, Rajeswaran, Kakade, Todorov, Mordatch (2019), Plan online, learn offline: efficient learning and exploration via model-based control, arXiv 1811.01848",
        "Rubinstein (1999), The cross-entropy method for combinatorial and continuous optimization",
    ),
)  # fmt: skip
