"""What each stage reaches from a weak start, sampled on held-out prompts, with every seed printed; seconds of processor time."""

import time
from typing import Any, NamedTuple

import numpy as np
import pytest

from app import catalog
from app.core.contracts import Problem, Tree
from app.core.randomness import Stream
from app.parts.language_task import LanguageTask
from app.parts.sampling import complete

pytestmark = [pytest.mark.long, pytest.mark.timeout(1_800)]

SEEDS = range(3)
WEAK, UPDATES = 20, 280
BARS = {"grpo_language": 0.88, "rloo": 0.88, "ppo_language": 0.85, "dpo": 0.85, "ipo": 0.6, "best_of_n": 0.88}


class Chain(NamedTuple):
    """A first stage and GRPO after it, and between which bounds what is measured lies before and after, on every seed."""

    task: str
    options: dict[str, Any]
    first: str
    first_steps: int
    first_config: dict[str, Any]
    updates: int
    measure: str
    before: tuple[float, float]
    after: tuple[float, float]


CHAINS = [
    Chain("brackets", {}, "sft", 20, {}, 200, "right", (0.2, 0.7), (0.95, 1.0)),
    Chain("vowels", {}, "pretrain", 50, {}, 200, "reward", (0.1, 0.3), (0.95, 1.0)),
    Chain("sort_digits", {}, "sft", 55, {"wrong_share": 0.5}, 280, "right", (0.0, 0.3), (0.88, 1.0)),
    Chain("addition", {}, "sft", 100, {}, 280, "right", (0.0, 0.1), (0.0, 0.3)),  # a start too weak to be reinforced
    Chain("addition", {}, "sft", 400, {}, 280, "right", (0.5, 0.95), (0.95, 1.0)),
]


def task(name: str, options: dict[str, Any]) -> LanguageTask:
    spec = catalog.environment(name)
    made = spec.make(spec.config.parse(options))
    assert isinstance(made, LanguageTask)
    return made


def trained(
    name: str, steps: int, seed: int, origin: Tree | None = None, *, on: LanguageTask = task("sort_digits", {}), **config: Any
) -> Any:  # fmt: skip
    spec = catalog.algorithm(name)
    agent: Any = spec.agent(spec.config.parse(config), Problem(on, seed, steps, origin))
    for _update in range(steps):
        agent.update(1)
    return agent


def sampled(agent: Any, tries: int = 1_000) -> dict[str, float]:
    """Return the share of held-out prompts that are answered rightly, with chance, and the mean reward."""
    prompts = agent.task.prompts(Stream(99, "prompts").uniforms(tries), held_out=True)
    rows = complete(agent.model, agent.task.encoded(prompts), turns=agent.task.turns, random=Stream(99, "tokens"))
    parts = agent.task.rewards(prompts, rows.completions)
    return {"right": float(agent.task.is_right(parts).mean()), "reward": float(parts.sum(axis=1).mean())}


def reached(words: str, seed: int, first: Any, name: str, updates: int, measure: str = "right") -> tuple[float, float]:
    """Return what a stage was before and after, and say it."""
    started = time.process_time()
    second = trained(name, updates, seed, first.state(), on=first.task)
    seconds = time.process_time() - started
    before, after = (sampled(agent)[measure] for agent in (first, second))
    print(f"{words} seed {seed}: {before:.1%} -> {after:.1%} in {seconds:.0f} s of processor time", flush=True)  # noqa: T201
    return before, after


@pytest.mark.parametrize("name", BARS)
def test_reinforcement_makes_much_of_a_weak_start(name: str) -> None:
    rows = [reached(name, seed, trained("sft", WEAK, seed), name, UPDATES) for seed in SEEDS]
    before, after = np.array(rows).T
    assert before.max() < 0.05
    assert after.min() >= BARS[name]


@pytest.mark.parametrize("chain", CHAINS, ids=lambda chain: chain.task)
def test_reinforcement_goes_as_far_as_its_start_allows(chain: Chain) -> None:
    made, rows = task(chain.task, chain.options), []
    for seed in SEEDS:
        first = trained(chain.first, chain.first_steps, seed, on=made, **chain.first_config)
        rows.append(reached(chain.task, seed, first, "grpo_language", chain.updates, chain.measure))
    before, after = np.array(rows).T
    assert chain.before[0] <= before.min() <= before.max() <= chain.before[1]
    assert chain.after[0] <= after.min() <= after.max() <= chain.after[1]
