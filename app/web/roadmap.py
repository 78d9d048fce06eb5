"""The order in which Play and Learn lead through algorithms and environments: the one place that names who stands where.

An algorithm that no station names stands at the end of its family's station, so a new file appears by itself.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any
from urllib.parse import quote, urlencode

from app.core.specs import AlgorithmSpec, EnvironmentSpec
from app.core.text import _
from app.web import forms


@dataclass(frozen=True)
class Station:
    """One stop of the roadmap: the question it answers, and its algorithms in the order of reading."""

    id: str
    title: str
    question: str
    family: str
    algorithms: tuple[str, ...]
    takes_others: bool = False


STATIONS = (
    Station("planning", _("Planning"), _("The model is known. What is the best way to act, before the first step is taken?"), "planning",
            ("policy_evaluation", "policy_iteration", "value_iteration", "modified_policy_iteration", "conservative_policy_iteration"), True),
    Station("monte-carlo", _("Monte Carlo"), _("The model is unknown. What do whole episodes say, once they are over?"), "tabular",
            ("monte_carlo_control", "off_policy_monte_carlo")),
    Station("prediction", _("Temporal difference"), _("Must one wait for the end? A guess can be corrected by the next guess."), "tabular",
            ("td0", "n_step_td", "td_lambda")),
    Station("control", _("Control"), _("The same idea over actions, so that acting improves with knowing."), "tabular",
            ("sarsa", "expected_sarsa", "q_learning", "double_q_learning", "n_step_sarsa", "sarsa_lambda"), True),
    Station("model", _("Learned models"), _("Experience is dear and thinking is cheap: what if steps are replayed from a model learned on the way?"), "tabular",
            ("dyna_q", "prioritized_sweeping")),
    Station("policy-gradient", _("Policy gradient"), _("Why values at all? Raise the probability of what went well, by calculus."), "tabular",
            ("reinforce_tabular", "actor_critic_tabular", "natural_gradient_tabular")),
    Station("bandits", _("Bandits"), _("One state, many arms: exploration by itself, with nothing else in the way."), "tabular",
            ("epsilon_greedy_bandit", "ucb_bandit", "gradient_bandit", "thompson_bandit")),
    Station("value-based", _("Value-based networks"), _("Too many states for a table: a network stands in for Q, and has to be kept stable."), "value_based",
            ("dqn", "double_dqn", "dueling_dqn", "prioritized_dqn", "n_step_dqn", "noisy_dqn", "qr_dqn", "rainbow"), True),
    Station("policy-based", _("Policy-based networks"), _("A network is the policy. How far may one step change it?"), "policy_based",
            ("reinforce", "a2c", "natural_gradient", "trpo", "ppo", "grpo", "ddpg", "td3", "sac", "vae", "world_model"), True),
    Station("language", _("Language"), _("The same updates on a small language model: from imitation to preferences."), "language",
            ("pretrain", "sft", "reward_model", "best_of_n", "rloo", "ppo_language", "grpo_language", "dpo", "ipo"), True),
)  # fmt: skip

WORLDS = (
    "FrozenLake-v1", "CliffWalking-v1", "gridworld", "windy_grid", "Taxi-v4", "Blackjack-v1", "random_walk", "dyna_maze",
    "blocking_maze", "chain", "max_bias", "garnet", "bandit", "CartPole-v1", "MountainCar-v0", "Acrobot-v1",
    "Pendulum-v1", "MountainCarContinuous-v0", "LunarLander-v3", "LunarLanderContinuous-v3", "BipedalWalker-v3",
    "sort_digits", "reverse", "vowels", "brackets", "addition", "countdown", "dialogue",
)  # fmt: skip


@dataclass(frozen=True)
class Sight:
    """A ready recipe on Play: its address and the environment's name."""

    url: str
    environment: str
    note: str


@dataclass(frozen=True)
class Stop:
    """One algorithm of a station."""

    spec: AlgorithmSpec
    sight: Sight
    parent: AlgorithmSpec | None


def stations(catalog: ModuleType) -> list[tuple[Station, list[Stop]]]:
    """Return every station that has algorithms, with them in the order of reading."""
    known: dict[str, AlgorithmSpec] = catalog.algorithms()
    found = []
    for station in STATIONS:
        specs = [known[name] for name in station.algorithms if name in known]
        specs += [spec for name, spec in known.items() if name not in specs_named() and station_of(spec) is station]
        stops = [Stop(spec, sight(catalog, spec), known.get(spec.parent or "")) for spec in specs]
        if stops:
            found.append((station, stops))
    return found


def station_of(spec: AlgorithmSpec) -> Station:
    """Return where an algorithm stands: where it is named, else where its family takes the others."""
    named = [station for station in STATIONS if spec.id in station.algorithms]
    return (named or [station for station in STATIONS if station.family == spec.family and station.takes_others])[0]


def specs_named() -> frozenset[str]:
    """Return the names of every algorithm that a station names."""
    return frozenset(name for station in STATIONS for name in station.algorithms)


def lineage(catalog: ModuleType, spec: AlgorithmSpec) -> list[tuple[AlgorithmSpec, int]]:
    """Return the tree of variants that an algorithm belongs to, each with its depth, from the first on."""
    known: dict[str, AlgorithmSpec] = catalog.algorithms()
    root = spec
    while root.parent in known and root.parent != spec.id:
        root = known[str(root.parent)]

    def below(item: AlgorithmSpec, depth: int) -> list[tuple[AlgorithmSpec, int]]:
        children = [other for other in ordered(known) if other.parent == item.id]
        return [(item, depth), *(entry for child in children for entry in below(child, depth + 1))]

    return below(root, 0)


def comparable(catalog: ModuleType, spec: AlgorithmSpec) -> list[AlgorithmSpec]:
    """Return the other algorithms of its family and of its chain of variants, in the order of reading."""
    chain = [item for item, _depth in lineage(catalog, spec)]
    others = [other for other in ordered(catalog.algorithms()) if other is not spec]
    return [other for other in others if other.family == spec.family or other in chain]


def ordered(known: Mapping[str, AlgorithmSpec]) -> list[AlgorithmSpec]:
    """Return algorithms in the order of reading; those that no station names come last."""
    order = {name: place for place, name in enumerate(name for item in STATIONS for name in item.algorithms)}
    return sorted(known.values(), key=lambda spec: order.get(spec.id, len(order)))


def worlds(known: Mapping[str, EnvironmentSpec]) -> list[EnvironmentSpec]:
    """Return environments from the smallest to the largest question; those that WORLDS does not name come last."""
    order = {name: place for place, name in enumerate(WORLDS)}
    return sorted(known.values(), key=lambda spec: order.get(spec.id, len(order)))


def sight(catalog: ModuleType, spec: AlgorithmSpec) -> Sight:
    """Return the recipe that shows an algorithm at work: a preset where there is one, else its smallest task."""
    worlds = catalog.environments()
    order = [spec.smoke.environment, *(name for name in worlds if name != spec.smoke.environment)]
    for name in order:
        named = catalog.presets_for(spec.id, name)
        for preset in [named[key] for key in sorted(named, key=lambda key: (key != "textbook", key != "tuned"))]:
            return Sight(address(spec.id, name, preset=preset.name), worlds[name].name, preset.summary)
    task = spec.smoke
    values = {"config": task.config, "environment_config": task.environment_config}
    url = address(spec.id, task.environment, total_steps=task.total_steps, **values)
    return Sight(url, worlds[task.environment].name, _("A small task on which it visibly works."))


def sights(catalog: ModuleType, spec: AlgorithmSpec) -> list[tuple[str, str]]:
    """Return (address, name) of every environment that fits: ready recipes on Play."""
    fitting = [world for world in catalog.environments().values() if not catalog.misfit(spec, world)]
    return [(address(spec.id, world.id), world.name) for world in fitting]


def address(algorithm: str, environment: str, **parts: Any) -> str:
    """Return the address of a recipe on Play; `parts` are preset, total_steps, config and environment_config."""
    asked: dict[str, str] = {"environment": environment, "algorithm": algorithm}
    for name, value in parts.items():
        if isinstance(value, Mapping):
            asked |= {f"{name}.{key}": forms.show(item) for key, item in value.items()}
        elif name != "preset" or value != "tuned":
            asked[name] = forms.show(value)
    return f"/?{urlencode(asked, quote_via=quote)}"
