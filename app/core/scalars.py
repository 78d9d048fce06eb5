"""The dictionary of scalars: every number that becomes a curve, with its unit, its good direction and its rule of thumb."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from app.core.alarms import ALARMS, Alarm
from app.core.text import _

Better = Literal["up", "down", "neither"]
NORMALISED = {_("reward"): _("normalised reward"), _("reward²"): _("normalised reward²")}


@dataclass(frozen=True)
class Scalar:
    """One kind of curve.

    Attributes:
        name: `group/name`, as practitioners write it.
        label: a short human name.
        unit: what one unit is.
        better: which way is good.
        help: one sentence: what it is and what rising means.
        rule: rule of thumb, printed beside the curve as such; empty where there is none.
        healthy: the range of the rule of thumb, where it is one.
        lines: what it is held against, each with its name: a number, or the setting that says where, where the algorithm has it.
        reproducible: False for anything measured with a clock.
        log_scale: drawn on a logarithmic axis.
        action_kind: the only kind of action for which it is reported (see `EnvironmentSpec`); empty where it is for any.
        elsewhere: the same number's names in a library that many know, where they are others.
        is_scaled: it counts the reward as the learner sees it, which a run may normalise.
        alarm: the value beyond which it is a pathology with a name; the shared ones stand together in `app/core/alarms.py`.
    """

    name: str
    label: str
    unit: str
    better: Better
    help: str
    rule: str = ""
    healthy: tuple[float | None, float | None] | None = None
    lines: tuple[tuple[str, float | str], ...] = ()
    reproducible: bool = True
    log_scale: bool = False
    action_kind: str = ""
    elsewhere: str = ""
    is_scaled: bool = False
    alarm: Alarm | None = None

    def of_run(self, config: Mapping[str, Any]) -> "Scalar":
        """Return the scalar with the unit that it has in a run with this configuration."""
        return replace(self, unit=in_unit(self.unit, config)) if self.is_scaled else self

    def lines_in(self, config: dict[str, object]) -> list[dict[str, object]]:
        """Return label and value of the lines that hold in a run with this configuration; TRPO can leave its bound away."""
        off = {"target_kl"} if config.get("limit_kl") is False else set()
        held = [(label, config.get(at) if isinstance(at, str) else at) for label, at in self.lines if at not in off]
        return [{"label": label, "value": value} for label, value in held if value is not None]


def in_unit(unit: str, config: Mapping[str, Any]) -> str:
    """Return the unit of what is counted in the reward that the learner sees, where a run may normalise its rewards."""
    return NORMALISED.get(unit, unit) if config.get("normalize") else unit


SHARED = (
    Scalar("rollout/episode_return", _("Episode return"), _("reward"), "up",
           _("Sum of rewards of each finished training episode, exploration included.")),
    Scalar("rollout/episode_length", _("Episode length"), _("env steps"), "neither",
           _("Steps of each finished training episode; whether longer is better depends on the task.")),
    Scalar("rollout/episodes", _("Episodes"), _("episodes"), "neither", _("Episodes finished since the start.")),
    Scalar("rollout/ep_rew_mean", _("Mean return"), _("reward"), "up",
           _("Mean return of the last 100 training episodes.")),
    Scalar("rollout/ep_len_mean", _("Mean length"), _("env steps"), "neither",
           _("Mean length of the last 100 training episodes.")),
    Scalar("rollout/terminated_share", _("Terminated share"), _("share"), "neither",
           _("Share of the last 100 episodes that the environment ended; the others were cut by a time limit."),
           healthy=None),
    Scalar("rollout/exploration_rate", _("Exploration rate"), _("probability"), "neither",
           _("Probability of a random action (epsilon) in training.")),
    Scalar("time/run_clock", _("Run clock"), _("s"), "neither",
           _("Seconds of training so far, pauses left out."), reproducible=False),
    Scalar("time/fps", _("Speed"), _("env steps/s"), "up",
           _("Environment steps per second of training since the last report."), reproducible=False),
    Scalar("time/total_timesteps", _("Steps"), _("env steps"), "neither", _("Environment steps so far.")),
    Scalar("eval/mean_reward", _("Evaluation return"), _("reward"), "up",
           _("Mean return of the greedy policy on evaluation episodes of its own.")),
    Scalar("eval/std_reward", _("Evaluation spread"), _("reward"), "down",
           _("Standard deviation of the return over evaluation episodes.")),
    Scalar("eval/mean_ep_length", _("Evaluation length"), _("env steps"), "neither",
           _("Mean length of the evaluation episodes.")),
    Scalar("eval/success_rate", _("Success rate"), _("share"), "up",
           _("Share of evaluation episodes that reached the goal, where the environment has one.")),
    Scalar("train/learning_rate", _("Learning rate"), "", "neither", _("Step size of the optimiser now.")),
    Scalar("train/grad_norm", _("Gradient norm"), "", "neither",
           _("Norm of the gradient before clipping; a sudden rise announces an unstable update.")),
    Scalar("train/loss", _("Loss"), "", "neither",
           _("The loss that the optimiser minimises, mean over the update. It is not progress: targets move, and a policy's loss is a slope, not a height.")),
)  # fmt: skip

TABULAR = (
    Scalar("tabular/max_bellman_residual", _("Bellman residual"), _("reward"), "down",
           _("Largest change one exact Bellman backup would make to V; zero only at the fixed point."), log_scale=True),
    Scalar("tabular/value_error_max", _("Value error (max)"), _("reward"), "down",
           _("Largest distance of V to the exact values over reachable states: V*, or those of the policy that is evaluated."), log_scale=True),
    Scalar("tabular/value_error_rms", _("Value error (RMS)"), _("reward"), "down",
           _("Root mean square distance of V to the exact values over reachable states: V*, or those of the policy that is evaluated."), log_scale=True),
    Scalar("tabular/policy_changes", _("Policy changes"), _("states"), "down",
           _("States whose greedy action changed since the last record.")),
    Scalar("tabular/greedy_return", _("Exact greedy return"), _("reward"), "up",
           _("Expected undiscounted return of the greedy policy under the time limit, computed exactly from the model.")),
    Scalar("tabular/behaviour_return", _("Exact behaviour return"), _("reward"), "up",
           _("Expected undiscounted return of the policy it acts by, exploration included, under the time limit, computed exactly.")),
    Scalar("tabular/states_visited", _("States visited"), _("states"), "up", _("Distinct states seen so far.")),
    Scalar("tabular/alpha", _("Step size"), "", "neither", _("Step size alpha now; a mean over states where it decays with visits.")),
    Scalar("tabular/epsilon", _("Exploration rate"), _("probability"), "neither", _("Probability of a random action now.")),
)  # fmt: skip

VALUE_BASED = (
    Scalar("train/td_error_mean", _("TD error (mean)"), _("reward"), "down", _("Mean absolute temporal-difference error of the minibatches; rising means that targets move faster than the network follows, or that returns grow.")),
    Scalar("train/td_error_max", _("TD error (max)"), _("reward"), "down", _("Largest absolute temporal-difference error of the minibatches; rising means that some transition surprises more.")),
    Scalar("train/q_mean", _("Mean Q"), _("reward"), "neither", _("Mean predicted Q of the actions in the minibatches; drifting far above any reachable return is divergence.")),
    Scalar("train/q_max", _("Max Q"), _("reward"), "neither", _("Largest predicted Q in the minibatches; rising far above any reachable return is divergence.")),
    Scalar("train/overestimation", _("Overestimation"), _("reward"), "neither", _("Mean of Q minus the discounted return that followed, over recent steps of finished training episodes, exploration included; with actions to choose from, of steps that took the preferred one; far above 0, Q promises what never comes."), rule=_("near 0; a little above while it explores much"), lines=((_("no bias"), 0.0),)),
    Scalar("train/estimator_gap", _("Gap of the estimators"), _("reward"), "neither", _("How much lower the value of the network's choice is than the maximum that DQN would have taken, mean over the minibatches; rising means that the two networks disagree more.")),
    Scalar("train/v_spread", _("Spread of V"), _("reward"), "neither", _("Standard deviation of the state-value stream over the minibatches; rising means that states are told apart.")),
    Scalar("train/a_spread", _("Spread of A"), _("reward"), "neither", _("Standard deviation of the advantage stream over the actions of a state, mean over the minibatches; rising means that actions are told apart.")),
    Scalar("train/beta", _("Correction (beta)"), "", "neither", _("Exponent of the importance weights now; rises to 1, where the preference for large errors is fully corrected.")),
    Scalar("train/weight_max", _("Largest weight"), "", "neither", _("Largest importance weight before the scaling to 1; rising means that rarer transitions are drawn.")),
    Scalar("train/noise", _("Share of noise"), "", "down", _("Mean size of the noise's deviations against the mean size of the weights; falling means that the network gives up exploring by itself.")),
    Scalar("train/quantile_spread", _("Spread of the returns"), _("reward"), "neither", _("Standard deviation of the predicted quantiles of the actions in the minibatches; rising means more uncertain returns.")),
    Scalar("buffer/size", _("Replay size"), _("transitions"), "neither", _("Transitions held by the replay buffer; it rises until the buffer is full, from then on the oldest are forgotten.")),
    Scalar("buffer/mean_age", _("Replay age"), _("env steps"), "neither", _("Mean age of the transitions in the replay buffer; rising means that older behaviour is learned from.")),
)  # fmt: skip

POLICY_BASED = (
    Scalar("train/policy_loss", _("Policy loss"), "", "neither", _("The loss of the policy alone, as its equation says; its rising or falling does not measure progress, for the data change with the policy.")),
    Scalar("train/value_loss", _("Value loss"), _("reward²"), "down", _("Mean squared error of the critic against its targets; rising means that returns grow or that the critic falls behind."), is_scaled=True),
    Scalar("train/entropy", _("Entropy"), _("nats"), "neither", _("Mean entropy of the policy; falling means more decided, zero means no exploration left."), elsewhere="TRL: objective/entropy of PPO, entropy of GRPO"),
    Scalar("train/explained_variance", _("Explained variance"), "", "up", _("Share of the variance of the returns that the critic explains; rising means that it knows better what follows, and below 0 it is worse than the mean."), rule=_("rises above 0.5"), healthy=(0.5, 1.0)),
    Scalar("train/advantage_mean", _("Advantage (mean)"), _("reward"), "neither", _("Mean advantage before normalisation; rising means that actions turned out better than the critic expected."), is_scaled=True),
    Scalar("train/advantage_std", _("Advantage (std)"), _("reward"), "neither", _("Standard deviation of the advantages before normalisation; rising means that actions differ more in what they are worth, or that the estimates are noisier."), is_scaled=True),
    Scalar("train/kl", _("KL"), _("nats"), "neither", _("Mean divergence of the old policy from the new one over the rollout, computed exactly; rising means longer steps, and 0 that none was taken."), rule=_("at most the bound, where there is one"), lines=((_("bound"), "target_kl"),), log_scale=True),
    Scalar("train/surrogate_predicted", _("Predicted gain"), "", "neither", _("What the slope of the surrogate promises for the step taken; rising means a longer or steeper step.")),
    Scalar("train/surrogate_actual", _("Actual gain"), "", "up", _("How much the surrogate rose by the step taken; far below the predicted gain, the step was too long for the slope.")),
    Scalar("train/cg_residual", _("Residual of the solve"), "", "down", _("Length of what conjugate gradients left unsolved, as a share of the gradient; rising means that more steps are needed."), log_scale=True),
    Scalar("train/line_search_steps", _("Line search"), _("tries"), "down", _("Lengths tried before one was allowed; rising means that the quadratic model fits less well."), rule=_("1 to 3"), healthy=(1.0, 3.0)),
    Scalar("train/step_accepted", _("Step accepted"), _("share"), "up", _("1 where a step was taken, 0 where none was allowed and the policy stayed; rising means that steps are refused less often.")),
    Scalar("train/reward_std", _("Spread in a group"), _("reward"), "neither", _("Mean standard deviation of the returns of a group; rising means that there is more to tell apart, at 0 nothing can be learned."), elsewhere="TRL: reward_std"),
    Scalar("train/frac_reward_zero_std", _("Groups without a signal"), _("share"), "down", _("Share of groups whose episodes all earned the same, and which therefore teach nothing; rising means that more of the work is for nothing."), elsewhere="TRL: frac_reward_zero_std"),
    Scalar("train/action_std", _("Action spread"), "", "neither", _("Mean standard deviation of a Gaussian policy; falling means less exploration."), action_kind="continuous"),
    Scalar("train/actor_loss", _("Actor loss"), "", "neither", _("What the actor minimises: minus the critic's value of its actions, and the price of certainty where entropy counts. It falls as Q rises, right or wrong.")),
    Scalar("train/critic_loss", _("Critic loss"), _("reward²"), "down", _("Squared error of the critic against its target, added up where there are two; it may rise while values grow.")),
    Scalar("train/q1_mean", _("Mean Q of the critic"), _("reward"), "neither", _("Mean predicted Q of the actions in the minibatches, of the first critic where there are two; drifting far above any reachable return is divergence.")),
    Scalar("train/q_gap", _("Gap of the critics"), _("reward"), "neither", _("Mean distance of the two critics over the minibatches; rising means that they know less surely what actions are worth.")),
    Scalar("train/ent_coef", _("Worth of entropy"), "", "neither", _("The temperature: what a nat of entropy is worth in reward; falling means that the policy is as undecided as its target without being paid.")),
    Scalar("train/approx_kl", _("Approximate KL"), _("nats"), "neither", _("Estimated divergence of the new policy from the one that collected the data (k3 estimator); rising means longer steps."), rule=_("near 0.01, alarm above 0.05"), healthy=(0.0, 0.05)),
    Scalar("train/clip_fraction", _("Clip fraction"), _("share"), "neither", _("Share of samples whose ratio left the clip interval on either side; rising means that updates go further than the clip allows."), rule=_("0.1 to 0.3 where a batch is passed several times, 0 where once"), healthy=(0.1, 0.3), elsewhere="TRL: clip_ratio of GRPO"),
    Scalar("train/clip_range", _("Clip range"), "", "neither", _("The clip interval's half width now; rising means that an update may change the policy more.")),
    Scalar("train/ratio_max", _("Largest ratio"), "", "neither", _("Largest probability ratio new/old in the update; rising means that some action became much likelier in one update."), rule=_("near 1"), lines=((_("unchanged"), 1.0),)),
    Scalar("train/epochs_run", _("Epochs run"), _("epochs"), "neither", _("Passes over the rollout in this update; fewer than asked after an early stop, rising means that it stops later.")),
)  # fmt: skip

LANGUAGE = (
    Scalar("train/token_accuracy", _("Tokens right"), _("share"), "up", _("Share of the tokens to imitate that the model holds the likeliest.")),
    Scalar("train/reward", _("Reward"), _("reward"), "up", _("Mean reward of the completions of an update, written with chance."), elsewhere="TRL: objective/scores of PPO, reward of GRPO"),
    Scalar("objective/true_reward", _("True reward"), _("reward"), "up", _("What the task says of the completions of an update; with a reward model, the reward may rise while this falls.")),
    Scalar("objective/kl", _("Divergence from the reference"), _("nats"), "neither", _("How much likelier the model holds what it writes than the reference did, a whole completion at a time; rising means that it has moved away from where it started.")),
    Scalar("objective/kl_k3", _("Divergence of a token"), _("nats"), "neither", _("Mean of k3, an estimate that is never below 0, of the divergence of the model from the reference at a token that the model wrote; rising means that it has moved away from where it started."), elsewhere="TRL: kl of GRPO"),
    Scalar("objective/rlhf_reward", _("Reward less the price"), _("reward"), "up", _("What a completion is worth less the price of its divergence: what is maximised.")),
    Scalar("policy/approxkl_avg", _("Approximate KL"), _("nats"), "neither", _("Half the mean squared log-ratio of a token, new model to the one that wrote; rising means longer steps."), rule=_("near 0.01, alarm above 0.05"), healthy=(0.0, 0.05)),
    Scalar("policy/clipfrac_avg", _("Clip fraction"), _("share"), "neither", _("Share of the tokens whose ratio left the clip interval on either side; rising means that updates go further than the clip allows."), rule=_("0.1 to 0.3 where a batch is passed several times, 0 where once"), healthy=(0.1, 0.3)),
    Scalar("val/ratio", _("Mean ratio"), "", "neither", _("Mean probability ratio of a token, new model to the one that wrote; far from 1, the two are different models."), rule=_("near 1"), lines=((_("unchanged"), 1.0),)),
    Scalar("completions/mean_length", _("Length of completions"), _("tokens"), "neither", _("Mean length of the completions of an update, the end token included.")),
    Scalar("train/push", _("Push"), "", "neither", _("How hard the pairs of an update push, as the slope of their loss says; near 0 nothing is left to learn from them.")),
    Scalar("rewards/chosen", _("Reward of the preferred"), "", "up", _("What the model's own reward says of preferred completions.")),
    Scalar("rewards/rejected", _("Reward of the others"), "", "down", _("What the model's own reward says of the other completions.")),
    Scalar("rewards/margins", _("Margin"), "", "up", _("How much more the model's own reward gives the preferred completion of a pair.")),
    Scalar("rewards/accuracies", _("Pairs ranked rightly"), _("share"), "up", _("Share of the pairs of an update that the model's own reward ranks as the rater did, before it learned from them.")),
    Scalar("logps/chosen", _("Log-probability of the preferred"), _("nats"), "neither", _("Mean log-probability of preferred completions; it may fall while the margin grows, for the loss asks for a margin only.")),
    Scalar("logps/rejected", _("Log-probability of the others"), _("nats"), "neither", _("Mean log-probability of the other completions.")),
    Scalar("completions/pass_at_1", _("pass@1"), _("probability"), "up", _("Probability that a completion is right.")),
    Scalar("completions/pass_at_k", _("pass@k"), _("probability"), "up", _("Probability that at least one completion of a group is right; what could be reinforced.")),
)  # fmt: skip

DICTIONARY: dict[str, Scalar] = {
    scalar.name: replace(scalar, alarm=ALARMS.get(scalar.name))
    for scalar in (*SHARED, *TABULAR, *VALUE_BASED, *POLICY_BASED, *LANGUAGE)
}
