"""What each stage reaches on sorting digits, sampled on held-out prompts, from one weak start; seconds of processor time."""

import time
from typing import Any

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
BARS = {"grpo_language": 0.88, "rloo": 0.5, "ppo_language": 0.5, "dpo": 0.5, "best_of_n": 0.2}


def task() -> LanguageTask:
    spec = catalog.environment("sort_digits")
    made = spec.make(spec.config())
    assert isinstance(made, LanguageTask)
    return made


def trained(name: str, steps: int, seed: int, origin: Tree | None = None, **config: Any) -> Any:
    spec = catalog.algorithm(name)
    agent: Any = spec.agent(spec.config.parse(config), Problem(task(), seed, steps, origin))
    for _update in range(steps):
        agent.update(1)
    return agent


def exact(agent: Any, tries: int = 1_000) -> float:
    """Return the share of held-out prompts that are answered rightly, with chance."""
    prompts = agent.task.prompts(Stream(99, "prompts").uniforms(tries), held_out=True)
    rows = complete(
        agent.model, agent.task.encoded(prompts), turns=agent.task.turns, random=Stream(99, "tokens")
    )  # fmt: skip
    return float((agent.task.rewards(prompts, rows.completions).sum(axis=1) >= agent.task.passes).mean())


@pytest.mark.parametrize("name", BARS)
def test_reinforcement_makes_much_of_a_weak_start(name: str) -> None:
    rows = []
    for seed in SEEDS:
        weak = trained("sft", WEAK, seed)
        started = time.process_time()
        strong = trained(name, UPDATES, seed, weak.state())
        rows.append((exact(weak), exact(strong), time.process_time() - started))
        print(f"{name} seed {seed}: {rows[-1][0]:.1%} -> {rows[-1][1]:.1%} in {rows[-1][2]:.0f} s of processor time")  # noqa: T201
    before, after, _seconds = np.array(rows).T
    assert before.max() < 0.05
    assert after.min() >= BARS[name]
