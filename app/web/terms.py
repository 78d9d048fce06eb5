r"""The words of reinforcement learning as this code uses them, one sentence each, with the letter the equations give them.

`pattern` is what a file says when it uses the word; the glossary links the files where it is found.
"""

from dataclasses import dataclass

from app.core.text import _


@dataclass(frozen=True)
class Term:
    """One word; `symbol` is LaTeX or empty; `pattern` a regular expression, upper and lower case alike."""

    name: str
    symbol: str
    help: str
    pattern: str

    @property
    def anchor(self) -> str:
        """Return the word as the end of an address."""
        return "-".join(word for word in "".join(c if c.isalnum() else " " for c in self.name.lower()).split() if word)


TERMS = (
    Term(_("State"), "s_t", _("What the agent knows of the world at step t. A table has one row for each."), r"\bstates?\b"),
    Term(_("Action"), "a_t", _("What the agent chooses at step t. Its effect follows from the state alone, by the dynamics."), r"\bactions?\b"),
    Term(_("Reward"), "r_{t+1}", _("The number that follows action t. It is what is summed, not what is wanted of each step."), r"\brewards?\b"),
    Term(_("Return"), "G_t", _("The sum of rewards from step t on, each later one discounted once more: G_t = r_{t+1} + γ G_{t+1}."), r"\breturns? (?:that|from|of an episode)|discounted return|G_t\b"),
    Term(_("Discount"), r"\gamma", _("What a reward one step later is worth now. It may be 1 wherever every reachable state can reach an end."), r"\bdiscount"),
    Term(_("Episode"), "", _("From a start to an end. What is learned stays; the world starts over."), r"\bepisodes?\b"),
    Term(_("Terminated"), "", _("The world ended: nothing follows, so nothing is bootstrapped."), r"\bterminated\b"),
    Term(_("Truncated"), "", _("Only the clock ended it: the world would go on, so the value of the state it stopped in is bootstrapped."), r"\btruncat"),
    Term(_("Policy"), r"\pi(a \mid s)", _("The probability of each action in each state."), r"\bpolic(?:y|ies)\b"),
    Term(_("Behaviour policy"), r"b(a \mid s)", _("The policy that acts, exploration included. On-policy methods learn about this one."), r"\bbehaviour\b"),
    Term(_("Target policy"), r"\pi", _("The policy that is learned about. Off-policy methods learn about another one than they act by."), r"\btarget polic"),
    Term(_("On-policy, off-policy"), "", _("Whether the policy that is learned about is the one that acts. It says nothing about whether data still comes in: that is online and offline."), r"\b(?:on|off)-policy\b"),
    Term(_("Value"), r"V(s)", _("Expected return from a state on, under a policy."), r"\bvalues? of (?:every |each |a |the )?(?:given )?(?:next )?state|\bV\(s"),
    Term(_("Action value"), r"Q(s, a)", _("Expected return after an action in a state, the policy acting from then on."), r"\baction values?\b|\bQ\(s"),
    Term(_("Advantage"), r"A(s, a)", _("How much better an action is than the policy's average there: Q(s, a) − V(s)."), r"\badvantages?\b"),
    Term(_("Optimal value"), r"V^*(s)", _("The value under the best policy. Where the model is known it is computed exactly and shown beside the estimate."), r"\bV\*|V\^\*|\boptimal values?\b|\boptimum\b"),
    Term(_("Greedy"), r"\arg\max_a Q(s,a)", _("Taking the action of the largest value; ties are shared or broken at random."), r"\bgreedy\b"),
    Term(_("ε-greedy"), r"\varepsilon", _("Greedy, but any action with probability ε: the greedy one then has 1 − ε + ε / k among k actions."), r"ε-greedy|\\varepsilon\$-greedy|\bepsilon.greedy\b"),
    Term(_("Softmax policy"), r"\theta(s, a)", _("Probabilities proportional to the exponential of preferences θ; every action keeps some."), r"\bsoftmax\b"),
    Term(_("Step size"), r"\alpha", _("The share of an error by which an estimate moves. Constant, it never stops following noise; shrinking with visits, it settles."), r"\bstep sizes?\b"),
    Term(_("TD error"), r"\delta_t", _("What one step says the value should be, minus what it was thought to be."), r"\btd.error|\\delta_t|\btemporal.difference"),
    Term(_("Bootstrapping"), "", _("Using an estimate of the next state in the target of this one."), r"\bbootstrap"),
    Term(_("Backup"), "", _("One replacement of a value by what the values after it say: by a sample, an expectation or a maximum."), r"\bbackups?\b"),
    Term(_("Sweep"), "", _("One backup of every state."), r"\bsweeps?\b"),
    Term(_("Model"), r"p(s', r \mid s, a)", _("The probabilities of what follows an action. Planners are given it; Dyna learns it."), r"\bmodel\b"),
    Term(_("Bellman residual"), "", _("The largest change one exact backup would make. It is zero only at the fixed point."), r"\bbellman.residual"),
    Term(_("Prediction, control"), "", _("Finding the values of a given policy; finding a better policy."), r"\bprediction\b|\bcontrol\b"),
    Term(_("Eligibility trace"), "z(s)", _("How much each state or pair takes part in the next error; it fades by γλ a step."), r"\beligibilit|\btraces\b"),
    Term(_("λ-return"), r"G^\lambda_t", _("The mean of all n-step returns, the n-step one weighted (1 − λ)λⁿ⁻¹."), r"λ-return|\blambda.return|\bgae\b|\\lambda"),
    Term(_("Importance sampling"), r"\rho", _("Weighting what one policy saw by how likely another would have done it. The mean weight is 1."), r"\bimportance.sampl"),
    Term(_("Maximisation bias"), "", _("The maximum of noisy estimates is too large on average; two estimates, one choosing and one judging, undo it."), r"\bupward bias\b|\bmaximi[sz]ation bias\b|\boverestimat"),
    Term(_("Baseline"), "b(s)", _("What is subtracted from a return before it weights a gradient: the mean stays, the variance falls."), r"\bbaseline\b"),
    Term(_("Policy gradient"), r"\nabla_\theta J", _("The direction in which the policy's parameters raise the expected return."), r"\bpolicy.gradient"),
    Term(_("Natural gradient"), r"F^{-1} \nabla_\theta J", _("The gradient measured by how much the policy changes, not how much its parameters do."), r"\bnatural.(?:policy.)?gradient|\bfisher\b"),
    Term(_("Entropy"), r"H(\pi)", _("How undecided a policy is, in nats; zero when one action has all the probability."), r"\bentropy\b"),
    Term(_("KL divergence"), r"\mathrm{KL}(\pi_0 \,\Vert\, \pi)", _("How far one policy is from another, in nats. Of categorical and Gaussian policies it has a closed form."), r"\bKL\b|\bdivergence of\b"),
    Term(_("Actor, critic"), "", _("The policy, and the values that judge it, learned side by side."), r"\bactor\b|\bcritic\b"),
    Term(_("Generalized Advantage Estimation"), r"\hat A^{\text{GAE}}_t", _("The sum of TD errors, each later one weighted by γλ: λ = 0 is one step, λ = 1 the whole return minus V."), r"\bGAE\b|generalized advantage"),
    Term(_("Clipped surrogate"), r"\epsilon", _("An objective that stops rewarding a change of probability beyond the factor 1 ± ε."), r"\bclip(?:ped)?\b.*\bsurrogate\b|\bclip_range\b"),
    Term(_("Replay buffer"), "", _("Past transitions, drawn again at random, so that neighbours in time do not train together."), r"\breplay\b"),
    Term(_("Target network"), r"\theta^-", _("A slowly following copy that gives the targets, so that they do not chase themselves."), r"\btarget network\b"),
    Term(_("Rollout"), "", _("The steps that an on-policy learner collects before it learns from them, once."), r"\brollouts?\b"),
    Term(_("Minibatch"), "", _("The few samples of one gradient step."), r"\bminibatch"),
    Term(_("Regret"), "", _("What was lost so far by not having pulled the best arm each time, computed from the true means."), r"\bregret\b"),
    Term(_("Exploring starts"), "", _("Episodes that begin in a random state with a random action, so that every pair is seen without exploring later."), r"\bexploring starts\b"),
    Term(_("Seed, stream"), "", _("A run's whole randomness is one counter-based generator: the seed and the stream's name are its key."), r"\bstream\b"),
)  # fmt: skip
