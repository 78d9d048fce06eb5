"""Steps per second of the tabular kernels beside the usual gymnasium loop and a plain JavaScript loop, taken in turns.

Everything here has one thread, so seconds are those of the processor: a busy neighbour does not count.

The kernels run with everything on: visits, the trace, episode records, reports. Run with -m bench -n 0 -s.
"""

import json
import shutil
import statistics
import subprocess
from pathlib import Path
from time import process_time
from typing import Any

import gymnasium
import numpy as np
import pytest

from app import catalog
from app.algorithms.planning.value_iteration import sweep
from app.core.jit import plain
from app.parts.planner import BACKUP_TRACE, Model, model_from
from app.parts.tabular import TabularMDP
from app.parts.tabular_agent import TabularAgent
from app.training.local import job_here, run_here

pytestmark = pytest.mark.bench

ROUNDS = 7
ALPHA, EPSILON = 0.1, 0.1
GAMMAS = {"FrozenLake-v1": 0.99, "CliffWalking-v1": 1.0, "Taxi-v4": 0.99}
LOOP_STEPS, KERNEL_STEPS, SCRIPT_STEPS, TRAIN_STEPS = 20_000, 2_000_000, 3_000_000, 10_000_000


def agent_on(environment: str, **config: Any) -> TabularAgent:
    config = {"alpha": ALPHA, "epsilon": EPSILON, "gamma": GAMMAS[environment], **config}
    agent = catalog.build(catalog.resolve("q_learning", environment, config=config, preset=""))[3]
    assert isinstance(agent, TabularAgent)
    return agent


def kernel_rate(agent: TabularAgent) -> float:
    taken, begun = 0, process_time()
    while taken < KERNEL_STEPS:
        taken += agent.update(KERNEL_STEPS - taken).steps
    return taken / (process_time() - begun)


def gymnasium_rate(environment: str) -> float:
    """The loop of the usual tutorial: a numpy table and one environment."""
    env = gymnasium.make(environment, max_episode_steps=200)
    q = np.zeros((env.observation_space.n, env.action_space.n))  # type: ignore[attr-defined]
    rng = np.random.default_rng(0)
    state, _info = env.reset(seed=0)
    begun = process_time()
    for _ in range(LOOP_STEPS):
        action = env.action_space.sample() if rng.random() < EPSILON else int(np.argmax(q[state]))
        next_state, reward, terminated, truncated, _info = env.step(action)
        target = float(reward) + GAMMAS[environment] * np.max(q[next_state]) * (not terminated)
        q[state, action] += ALPHA * (target - q[state, action])
        state = next_state
        if terminated or truncated:
            state, _info = env.reset()
    return LOOP_STEPS / (process_time() - begun)


def script_rate(mdp: TabularMDP, gamma: float, limit: int) -> float:
    node = shutil.which("node")
    assert node, "the comparison needs node"
    task = {
        "states": mdp.n_states, "actions": mdp.n_actions, "outcomes": mdp.probabilities.shape[2],
        "starts": mdp.cumulative_start.tolist(), "limit": limit, "alpha": ALPHA, "gamma": gamma, "epsilon": EPSILON,
        "steps": SCRIPT_STEPS, "repeats": 1, "cumulative": mdp.cumulative.ravel().tolist(),
        "next_states": mdp.next_states.ravel().tolist(), "rewards": mdp.rewards.ravel().tolist(),
        "terminated": mdp.terminated.ravel().astype(int).tolist(),
    }  # fmt: skip
    script = Path(__file__).with_name("q_learning.js")
    result = subprocess.run([node, str(script)], input=json.dumps(task), capture_output=True, text=True, check=True)
    return float(json.loads(result.stdout)[0])


def train_rate(environment: str, folder: Path) -> float:
    """A whole run: records, exact diagnostics, pictures, evaluations and checkpoints on."""
    config = {"alpha": ALPHA, "epsilon": EPSILON, "gamma": GAMMAS[environment]}
    recipe = catalog.resolve("q_learning", environment, config=config, preset="", total_steps=TRAIN_STEPS)
    begun = process_time()
    assert run_here(job_here(recipe, folder), lambda kind, header, arrays: None) == "finished"
    return TRAIN_STEPS / (process_time() - begun)


@pytest.mark.parametrize("environment", GAMMAS)
def test_q_learning_beside_gymnasium_and_javascript(environment: str, tmp_path: Path) -> None:
    agent = agent_on(environment)
    decaying = agent_on(environment, alpha=1.0, alpha_schedule="visits")
    kernel_rate(agent)
    rates = []
    for _ in range(ROUNDS):
        loop = gymnasium_rate(environment)
        own, own_decaying = kernel_rate(agent), kernel_rate(decaying)
        script = script_rate(agent.exact.mdp, GAMMAS[environment], agent.exact.horizon)
        rates.append((own, own_decaying, loop, script))
    own, own_decaying, loop, script = (statistics.median(column) for column in zip(*rates, strict=True))
    by_loop = statistics.median(row[0] / row[2] for row in rates)
    by_script = statistics.median(row[0] / row[3] for row in rates)
    whole = train_rate(environment, tmp_path)
    print(  # noqa: T201
        f"\n{environment}: through train {whole / 1e6:.1f} M steps/s (ratio {whole / loop:.0f}), kernel {own / 1e6:.1f} M steps/s ({own_decaying / 1e6:.1f} M with a step size that decays), "
        f"gymnasium loop {loop / 1e6:.3f} M (ratio {by_loop:.0f}), JavaScript {script / 1e6:.1f} M (ratio {by_script:.2f})"
    )
    assert by_loop >= 300
    assert by_script >= 1.2


LEARNERS = sorted(
    name for name, spec in catalog.algorithms().items() if spec.tabular and spec.emits_episodes
)  # fmt: skip


@pytest.mark.parametrize("name", LEARNERS)
def test_every_table_learner_on_its_smoke_task(name: str) -> None:
    spec = catalog.algorithm(name)
    recipe = catalog.resolve(
        name,
        spec.smoke.environment,
        config=spec.smoke.config,
        environment_config=spec.smoke.environment_config,
        preset="",
    )
    agent = catalog.build(recipe)[3]
    agent.update(1000)
    rates = []
    for _ in range(3):
        taken, begun = 0, process_time()
        while taken < 300_000:
            taken += agent.update(300_000 - taken).steps
        rates.append(taken / (process_time() - begun))
    print(f"\n{name} on {spec.smoke.environment}: {statistics.median(rates) / 1e6:.2f} M steps/s")  # noqa: T201


def random_model(n_states: int, n_actions: int, n_outcomes: int) -> Model:
    rng = np.random.default_rng(0)
    shape = (n_states, n_actions, n_outcomes)
    probabilities = rng.random(shape)
    probabilities /= probabilities.sum(axis=2, keepdims=True)
    near = (np.arange(n_states)[:, None, None] + rng.integers(-50, 51, shape)) % n_states
    mdp = TabularMDP(
        probabilities, near, rng.normal(size=shape), rng.random(shape) < 0.01, np.full(n_states, 1 / n_states)
    )
    return model_from(mdp, np.arange(n_states))


@pytest.mark.parametrize("n_outcomes", [1, 3])
def test_value_iteration_backups_per_second(n_outcomes: int) -> None:
    model = random_model(10_000, 4, n_outcomes)
    v, v_new, trace = np.zeros(10_000), np.zeros(10_000), np.zeros(len(BACKUP_TRACE))
    sweep(model, v, v_new, 0.99, trace)
    twin = np.zeros(10_000)
    plain(sweep)(model, v, twin, 0.99, trace)
    assert np.array_equal(twin, v_new)
    rates = []
    for _ in range(ROUNDS):
        begun = process_time()
        for _ in range(50):
            sweep(model, v, v_new, 0.99, trace)
            v, v_new = v_new, v
        rates.append(50 * 40_000 / (process_time() - begun))
    rate = statistics.median(rates)
    print(f"\nvalue iteration, {n_outcomes} outcomes: {rate / 1e6:.0f} M state-action backups/s")  # noqa: T201
    assert rate >= 200e6


@pytest.mark.parametrize(("environment", "budget_s"), [("FrozenLake-v1", 1e-3), ("CliffWalking-v1", 3e-3)])
def test_exact_diagnostics_are_cheap_enough_for_400_records(environment: str, budget_s: float) -> None:
    agent = agent_on(environment)
    agent.update(10_000)
    agent.diagnostics()
    seconds = []
    for _ in range(ROUNDS):
        begun = process_time()
        for _ in range(20):
            agent.diagnostics()
        seconds.append((process_time() - begun) / 20)
    typical_s = statistics.median(seconds)
    print(f"\n{environment}: one record of the exact diagnostics {typical_s * 1e6:.0f} µs")  # noqa: T201
    assert typical_s < budget_s
