r"""Statements about reinforcement learning that circulate: what is said, what can be said instead, and the evidence."""

from dataclasses import dataclass
from types import ModuleType
from urllib.parse import urlsplit

from markupsafe import Markup, escape

from app.core.text import _
from app.web import lesson_parts, markup


@dataclass(frozen=True)
class Statement:
    """One statement. `kind`: a slip of words, wrong, or open. `see` are (address, words) where one can look for oneself."""

    id: str
    kind: str
    said: str
    better: str
    evidence: str
    sources: tuple[str, ...]
    see: tuple[tuple[str, str], ...] = ()

    @property
    def better_html(self) -> Markup:
        """Return the better statement with its formulas."""
        return markup.render(self.better)

    @property
    def papers(self) -> list[Markup]:
        """Return the sources, with links to those that are on arXiv."""
        return [markup.with_papers(escape(source)) for source in self.sources]

    @property
    def evidence_html(self) -> Markup:
        """Return the evidence with its formulas."""
        return markup.render(self.evidence)


KINDS = {"words": _("a slip of words"), "wrong": _("does not hold"), "open": _("open, or half true")}
CLIFF = "/?environment=CliffWalking-v1&algorithm=q_learning"

STATEMENTS = (
    Statement(
        "gae", "words", _("“GAE is General Advantage Estimation.”"),
        _("The G is for *Generalized*: Generalized Advantage Estimation."),
        _("The name says what it does: with $\\lambda = 0$ it is the one-step TD error, with $\\lambda = 1$ the whole return minus the "
          "baseline, and every $\\lambda$ between generalizes the two."),
        ("Schulman et al. (2016), High-dimensional continuous control using generalized advantage estimation, arXiv 1506.02438",),
        (("/learn/parts/returns", _("the recursion, in the part `returns`")),),
    ),
    Statement(
        "soft-update", "words", _("“A soft update moves the target by τ: θ⁻ ← τθ⁻ + (1 − τ)θ.”"),
        _("The small τ belongs to the new weights: $\\theta^- \\leftarrow (1 - \\tau)\\,\\theta^- + \\tau\\,\\theta$."),
        _("Written the other way round, the usual $\\tau = 0.005$ would copy 99.5 % of the network at every step, which is no slow target at all. "
          "With $\\tau = 1$ the right form is a hard copy, which is a quick way to check which one a text means."),
        ("Lillicrap et al. (2016), Continuous control with deep reinforcement learning, arXiv 1509.02971",),
        (("/learn/dqn", _("hard and soft update in DQN")),),
    ),
    Statement(
        "markov-chain", "wrong", _("“A Markov chain is a discrete MDP.”"),
        _("A Markov chain is an MDP *without choice*: fix the policy, and what remains is a chain. Either may be discrete or continuous."),
        _("With a policy $\\pi$ the probabilities are $P_\\pi(s' \\mid s) = \\sum_a \\pi(a \\mid s)\\, p(s' \\mid s, a)$: the choice is summed away. "
          "Policy evaluation is exactly that, a linear system of a chain with rewards."),
        ("Puterman (1994), Markov Decision Processes, section 2.1.6 and appendix A", "Sutton and Barto (2018), Reinforcement Learning, chapter 3"),
        (("/learn/parts/tabular", _("the linear solve, in the part `tabular`")), ("/learn/environments/random_walk", _("a random walk, with and without choice"))),
    ),
    Statement(
        "on-off", "words", _("“On-policy means online, off-policy means offline.”"),
        _("Two questions, two words. On- or off-policy: is the policy that is learned about the one that acts? Online or offline: does new data still come in?"),
        _("Q-learning acts, learns from each step as it comes, and learns about another policy than it acts by: off-policy *and* online. "
          "SARSA differs from it in one term of the target, and is on-policy and online."),
        ("Sutton and Barto (2018), Reinforcement Learning, sections 5.5 and 6.4–6.5", "Levine et al. (2020), Offline reinforcement learning: tutorial, review, and perspectives, arXiv 2005.01643"),
        (("/learn/sarsa/diff", _("SARSA beside Q-learning: the lines that differ")),),
    ),
    Statement(
        "gamma-one", "wrong", _("“γ must be smaller than 1.”"),
        _("γ may be 1 where tasks end: it is enough that every reachable state can reach an end."),
        _("The optimum of CliffWalking is $-13$: thirteen steps of $-1$, not discounted. What fails without discount is a world in which a reachable "
          "state cannot reach an end, because its return may have no limit; that is refused here, with the state named."),
        ("Bertsekas and Tsitsiklis (1991), An analysis of stochastic shortest path problems, Mathematics of Operations Research 16", "Sutton and Barto (2018), Reinforcement Learning, section 3.4"),
        ((f"{CLIFF}&config.gamma=1", _("CliffWalking with γ = 1")),),
    ),
    Statement(
        "terminal-mask", "wrong", _("“The target is r + γ max Q, always.”"),
        _("The target needs a terminal mask: $r + \\gamma\\,(1 - \\text{terminated}) \\max_a Q(s', a)$. After an end, nothing follows. "
          "An end by the clock is another matter: there the world goes on, and the value is bootstrapped."),
        _("Take a task of one step with reward 1 that starts over in the same state, and $\\gamma = 0.9$. Its value is 1. Without the mask the fixed point of "
          "$V = 1 + 0.9\\,V$ is 10. The other way round, an endless stream of rewards 1 cut by a clock is worth $1/(1-\\gamma) = 10$, and is "
          "underestimated by whoever masks the cut as an end."),
        ("Pardo et al. (2018), Time limits in reinforcement learning, arXiv 1712.00378", "Sutton and Barto (2018), Reinforcement Learning, section 3.4"),
        (("/learn/q_learning#equation-1", _("equation (1) of Q-learning")), ("/learn/parts/returns", _("both ends, in the part `returns`"))),
    ),
    Statement(
        "kl", "wrong", _("“The KL divergence of two policies has to be estimated, and that is what makes TRPO expensive.”"),
        _("Of categorical and of Gaussian policies the KL has a closed form: $\\sum_a \\pi_0(a) \\log \\frac{\\pi_0(a)}{\\pi(a)}$, and likewise "
          "$\\log\\frac{\\sigma}{\\sigma_0} + \\frac{\\sigma_0^2 + (\\mu_0 - \\mu)^2}{2\\sigma^2} - \\frac12$ a dimension."),
        _("What costs is the product of its Hessian with a vector, once for every conjugate-gradient iteration. The sampled estimate that PPO prints "
          "is a convenience, cheap because the log-probabilities are at hand."),
        ("Schulman et al. (2015), Trust region policy optimization, arXiv 1502.05477, appendix C",),
        (("/learn/ppo", _("the estimate that PPO reports")),),
    ),
    Statement(
        "seven-billion", "wrong", _("“Reinforcement learning does nothing for language models below 7 billion parameters.”"),
        _("There are counterexamples, so the statement as it stands does not hold. How much it does, for which task and from which start, is a measurement."),
        _("TinyZero reports learned search and self-checking on a countdown task from 1.5 billion parameters on, though not at 0.5. nanochat, smaller still, "
          "lifts its score on grade-school mathematics from 4.6 to 7.6 % by its reinforcement-learning stage: little in all, but not nothing."),
        ("Pan et al. (2025), TinyZero, github.com/Jiayi-Pan/TinyZero", "Karpathy (2025), nanochat, github.com/karpathy/nanochat"),
    ),
    Statement(
        "ceiling", "open", _("“Pre-training fixes the ceiling; reinforcement learning only finds what is there.”"),
        _("Supported where many samples are drawn, and debated: it is a pass@k experiment, not a sentence."),
        _("Measured by pass@k, tuned models win at $k = 1$ and their base models catch up or pass them at large $k$, which supports the statement. "
          "Others train longer, or on other tasks, and find problems solved that the base did not solve at any $k$ tried. "
          "Whoever wants to know draws $n$ samples of both, counts the $c$ right ones, and compares $1 - \\binom{n-c}{k} / \\binom{n}{k}$ over k."),
        ("Yue et al. (2025), Does reinforcement learning really incentivize reasoning capacity in LLMs beyond the base model?, arXiv 2504.13837", "Liu et al. (2025), ProRL: prolonged reinforcement learning expands reasoning boundaries in large language models, arXiv 2505.24864", "Chen et al. (2021), Evaluating large language models trained on code, arXiv 2107.03374 (the estimator)"),
    ),
)  # fmt: skip


def statements(catalog: ModuleType) -> list[tuple[Statement, list[tuple[str, str]]]]:
    """Return every statement in the order of the page, with those of its links that lead somewhere in this catalogue."""
    return [(item, [link for link in item.see if _leads(catalog, link[0])]) for item in STATEMENTS]


def _leads(catalog: ModuleType, address: str) -> bool:
    parts = urlsplit(address).path.strip("/").split("/")
    if parts[:2] == ["learn", "environments"]:
        return parts[2] in catalog.environments()
    if parts[:2] == ["learn", "parts"]:
        return parts[2] in lesson_parts.parts()
    return parts[0] != "learn" or parts[1] in catalog.algorithms()
