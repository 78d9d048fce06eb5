"""Steps per second of SFT, GRPO and DPO beside TRL at equal size and batch, and tokens per second with and without a cache.

Figures are of processor time, which other work on the machine changes less than the clock; one thread each.
"""

import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from app import catalog
from app.algorithms.language.dpo import dpo_loss, implicit_reward
from app.core.contracts import Problem, Tree
from app.core.randomness import Stream
from app.parts.demonstrations import completed
from app.parts.preferences import apart
from app.parts.sampling import Rows, complete, drawn_from, next_log_probs
from app.parts.tokens import END, PAD
from app.parts.transformer import as_tensor
from tests.bench import trl_side
from tests.bench.trl_side import TASK

pytestmark = [
    pytest.mark.bench,
    pytest.mark.timeout(1_200),
    pytest.mark.filterwarnings("default"),  # TRL's own are not ours to mend
]
STEPS, ROUNDS = 8, 3
BATCH = {"sft": 256, "grpo": 256, "dpo": 32}  # rows, rows of 32 prompts × 8, pairs
AT_LEAST = dict.fromkeys(BATCH, 2.0)


def agent(name: str, origin: Tree | None = None) -> Any:
    """Return a stage with its default sizes and batch."""
    spec = catalog.algorithm(name)
    return spec.agent(spec.config(), Problem(TASK, 0, 280, origin))


def seconds(step: Callable[[], Any], times: int = STEPS) -> float:
    """Return the median processor time of a step."""
    taken = []
    for _step in range(times):
        started = time.process_time()
        step()
        taken.append(time.process_time() - started)
    return statistics.median(taken)


def dpo_step(stage: Any) -> Callable[[], Any]:
    """Return a step of DPO on given pairs, as TRL takes it: writing none."""
    rows = trl_side.rows(BATCH["dpo"])
    prompts = [row["prompt"] for row in rows for _copy in range(2)]
    tokens, mask = completed(TASK, prompts, [row[name] for row in rows for name in ("chosen", "rejected")])
    given = Rows(tokens, TASK.prompt_columns, mask > 0, np.zeros_like(mask), group=2)

    def step() -> None:
        log_probs = stage.judge(given).log_probs.sum(1)
        reference = as_tensor(stage.reference_log_probs(given)).sum(1)
        stage.updates += 1
        stage.descend(dpo_loss(*apart(implicit_reward(log_probs, reference, 0.1))))

    return step


def ours(name: str) -> float:
    """Return our seconds of a step."""
    stage = agent({"grpo": "grpo_language"}.get(name, name))
    step = dpo_step(stage) if name == "dpo" else lambda: stage.update(1)
    seconds(step, 2)
    return seconds(step)


def theirs(name: str, folder: Path) -> float:
    """Return TRL's seconds of a step."""
    trainer = getattr(trl_side, f"{name}_trainer")(
        str(folder), per_device_train_batch_size=BATCH[name], max_steps=STEPS + 2
    )
    return statistics.median(trl_side.seconds_of_steps(trainer))


@pytest.mark.parametrize("name", BATCH)
def test_speed_beside_trl(name: str, tmp_path: Path) -> None:
    torch.set_num_threads(1)
    rounds = [(1 / ours(name), 1 / theirs(name, tmp_path)) for _round in range(ROUNDS)]
    own, other = (statistics.median(figures) for figures in zip(*rounds, strict=True))
    load = os.getloadavg()[0]
    print(f"\n{name}: {own:.1f} steps/s, TRL {other:.1f}, ratio {own / other:.1f}, load {load:.1f}")  # noqa: T201
    assert own / other >= AT_LEAST[name]


def test_tokens_of_training_and_of_writing_with_and_without_a_cache() -> None:
    torch.set_num_threads(1)
    stage = agent("sft")
    rows, columns = stage.config.batch_size, TASK.observation_size - 1
    stage.update(1)
    trained = rows * columns / seconds(lambda: stage.update(1))
    prompts = TASK.encoded([TASK.prompt(number * 3_137) for number in range(rows)])
    written = int(complete(stage.model, prompts, turns=TASK.turns, random=Stream(1, "tokens")).own.sum())

    def with_cache() -> None:
        complete(stage.model, prompts, turns=TASK.turns, random=Stream(1, "tokens"))

    def without() -> None:
        tokens, going, random = prompts, np.ones(rows, bool), Stream(1, "tokens")
        for _column in range(TASK.completion_columns):
            with torch.inference_mode():
                logs = next_log_probs(stage.model.logits(stage.model.hidden(as_tensor(tokens))[:, -1]))
            drawn = np.where(going, drawn_from(logs, random), PAD)
            tokens, going = np.concatenate([tokens, drawn[:, None]], axis=1), going & (drawn != END)

    cached, plain = written / seconds(with_cache), written / seconds(without)
    print(  # noqa: T201
        f"\ntraining {trained:,.0f} tokens/s, writing {cached:,.0f} with a cache, {plain:,.0f} without, "
        f"load {os.getloadavg()[0]:.1f}"
    )
    assert cached > 2 * plain
