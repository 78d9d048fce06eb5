"""The dictionary of signals: arrays an agent can compute when a panel asks for them."""

from dataclasses import dataclass

from app.core.text import _


@dataclass(frozen=True)
class Signal:
    """One kind of array; `shape` uses S states, A actions, N environments, D observation size, P parameters."""

    name: str
    shape: str
    unit: str
    help: str


DICTIONARY: dict[str, Signal] = {
    signal.name: signal
    for signal in (
        Signal("v", "(S,)", "reward", _("Estimated value of each state.")),
        Signal("q", "(S, A)", "reward", _("Estimated value of each action in each state.")),
        Signal("policy", "(S, A)", "probability", _("Probability of each action of the policy that is learned: greedy (ties shared), evaluated, or softmax.")),
        Signal("behaviour", "(S, A)", "probability", _("Probability of each action of the policy it acts by, exploration included.")),
        Signal("truth", "(S,)", "reward", _("The exact values that v estimates: V*, or those of the policy that is evaluated.")),
        Signal("trace", "(slots,)", "mixed", _("The numbers of the last update, for the inspector; not a number where the last step made none.")),
        Signal("eligibility", "(S, A)", "", _("How much each pair, or each state (A = 1), takes part in the next update.")),
        Signal("visits", "(S,)", "visits", _("How often each state was acted in.")),
        Signal("last_transition", "(6,)", "mixed", _("state, action, reward, next state, terminated, truncated of the last step.")),
        Signal("visited", "(K, D)", "mixed", _("Recently visited observations, oldest first.")),
        Signal("v_at", "(B,)", "reward", _("Value of given observations: a function of an array (B, D); in normalised reward where normalize is on.")),
        Signal("reward_scale", "(1,)", "reward", _("How much of the environment's reward is 1 of the reward that the learner counts now: 1, or the running deviation by which normalize divides.")),
        Signal("q_at", "(B, A)", "reward", _("Action values of given observations.")),
        Signal("v_part_at", "(B,)", "reward", _("What the state-value stream of a dueling network says of given observations.")),
        Signal("a_part_at", "(B, A)", "reward", _("What the advantage stream of a dueling network says of given observations, before its mean is taken off.")),
        Signal("quantiles_at", "(B, A, K)", "reward", _("Quantiles of the return of each action at given observations, from the lowest share to the highest.")),
        Signal("policy_at", "(B, A)", "probability", _("Action probabilities at given observations.")),
        Signal("action_at", "(B, A)", "mixed", _("The likeliest action at given observations, where an action is made of continuous numbers.")),
        Signal("q_along_at", "(B, A, L)", "reward", _("Action values at given observations while one number of the actor's action runs over its bounds, evenly.")),
        Signal("action_std_at", "(B, A)", "mixed", _("Deviation of each number of a Gaussian policy's action at given observations.")),
        Signal("minibatch", "(B, K)", "mixed", _("The numbers of every sample of the last minibatch, in the columns that the algorithm names.")),
        Signal("minibatch_observations", "(B, D)", "mixed", _("What was seen in the samples of the last minibatch.")),
        Signal("minibatch_actions", "(B, A)", "mixed", _("What was done in the samples of the last minibatch; one column where an action is one of several.")),
        Signal("settings_used", "(K,)", "mixed", _("Settings that the last update took, whatever has been edited since: γ, λ, clip range, whether it clips, bound of the divergence, and whether it had a target network and two critics; 0 where an algorithm has none.")),
        Signal("ratios", "(M, 3)", "mixed", _("Pass, log of the probability ratio new/old and gradient of the log-probability of every sample judged in the last update.")),
        Signal("last_step", "(2, P)", "", _("The policy's parameters before and after the last update.")),
        Signal("recent_rollouts", "(N, K, 6)", "mixed", _("The same of several of the last rollouts, one after the other.")),
        Signal("rollout", "(N, T, 6)", "mixed", _("Reward, value, value of what followed, terminated, truncated and advantage of every step of the last rollout, as the update used them.")),
        Signal("followed", "(K, 2)", "reward", _("Value that the critic gives recent steps of finished training episodes, and the discounted return that followed.")),
        Signal("replay_observations", "(K, D)", "mixed", _("Observations spread evenly over the replay buffer, oldest first.")),
        Signal("replay_ages", "(K,)", "env steps", _("How long ago each of these was made.")),
        Signal("shown_rows", "(F, L)", "token", _("What the model writes now to a few prompts that are always the same, as rows of tokens.")),
        Signal("shown_rewards", "(F, parts)", "reward", _("What these completions earn, part by part.")),
        Signal("writing", "(F, C, V + 3)", "mixed", _("How these completions, or those of given prompts (K, P), were written: before each column how likely each token was, then the token, 1 where the model wrote it, and the number from 0 to 1 that drew it.")),
        Signal("shown_rows_before", "(F, L)", "token", _("What the model wrote to these prompts when this stage began.")),
        Signal("shown_rewards_before", "(F, parts)", "reward", _("What those completions earned, part by part.")),
        Signal("shown_drafts", "(R, L)", "token", _("Two completions of each of some training prompts, drawn now, as rows of tokens.")),
        Signal("right_counts", "(F,)", "tries", _("How many of 64 tries at each of some held-out prompts are right, drawn now.")),
        Signal("attention", "(layers, H, L, L)", "share", _("From where each position of one row gathers, layer by layer and head by head.")),
        Signal("stream", "(layers, L, D)", "", _("What is known at each position of that row after each layer.")),
        Signal("attention_row", "(L,)", "token", _("That row: the first of these prompts and its likeliest completion.")),
        Signal("token_rows", "(R, L)", "token", _("Completions of the last update with their prompts, as rows of tokens.")),
        Signal("token_numbers", "(R, C, 9)", "mixed", _("Of each token of these completions: whether the model wrote it, log-probability now, when written, and of the reference, divergence (k3), entropy, advantage, value, ratio.")),
        Signal("group_rewards", "(K, G)", "reward", _("What each completion of each prompt of the last update earned.")),
        Signal("group_advantages", "(K, G)", "", _("The mean advantage of each of these completions.")),
        Signal("pair_rows", "(R, 2, L)", "token", _("Pairs of the last update, the preferred completion first, as rows of tokens.")),
        Signal("pair_numbers", "(R, 5)", "mixed", _("Of each pair: what each of the two earned, what the model's own reward says of each, and the margin.")),
        Signal("weights", "(P,)", "", _("All network parameters as one flat vector.")),
    )
}  # fmt: skip
