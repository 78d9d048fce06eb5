"""The untuned presets, which are CleanRL's defaults, beside CleanRL's published figures, as a table with every seed printed.

pytest -m long -n 0 -s tests/long/test_untuned_bars.py
pytest -m long -n 0 -s tests/long/test_untuned_bars.py -k "[ppo-CartPole-v1]"

CleanRL's figure is of training, not of an evaluation: for each of three seeds the mean return of the last 100 episodes of
500,000 steps, with the actions drawn as in training (by DQN at random once in twenty), and then the mean of the three; its ± is
their deviation (numpy's, which divides by 3). Ours is the same over more seeds. The greedy policy's return is printed beside it.

A row passes where our mean is no more than two of CleanRL's deviations below its mean; better passes. The error of our own mean
is no excuse: a preset that fails on every third seed has so large an error that it would pass by it. Beside it is the
difference in its standard errors, √(deviation² / 2 + our error²), where deviation² / 2 = (deviation² · 3/2) / 3 is the squared
error of a mean of three.
"""

import math
import statistics
from collections.abc import Iterator

import pytest

from tests.long.seeds import begun, mean_return, standard_error, with_interval

EPISODES = 100
DEVIATIONS = 2
ROWS = [
    ("ppo", "CartPole-v1", (490.04, 6.12), 10),
    ("ppo", "Acrobot-v1", (-86.36, 1.32), 10),
    ("ppo", "MountainCar-v0", (-200.0, 0.0), 10),
    ("dqn", "CartPole-v1", (488.69, 16.11), 5),
    ("dqn", "MountainCar-v0", (-194.95, 8.48), 5),
]
HEAD = f"{'':22}{'last 100 of training':>29}{'CleanRL':>17}{'at least':>10}{'errors apart':>14}{'greedy':>29}  seeds"


def in_training_and_greedy(algorithm_name: str, environment_name: str, seed: int) -> tuple[float, float]:
    """Train with the untuned preset; return the mean of the last 100 training episodes and that of 100 greedy ones."""
    recipe, environment, agent = begun(algorithm_name, environment_name, preset="cleanrl", seed=seed)
    taken, returns = 0, list[float]()
    while taken < recipe.total_steps:
        report = agent.update(recipe.total_steps - taken)
        taken += report.steps
        returns += report.episodes.returns.tolist()
    greedy = mean_return(agent, environment, seed, episodes=EPISODES, stream="final")
    return statistics.fmean(returns[-EPISODES:]), greedy


@pytest.fixture(scope="module")
def table() -> Iterator[list[str]]:
    """The table of all rows that were run, printed at the end."""
    lines = [HEAD]
    yield lines
    print("\n" + "\n".join(lines))  # noqa: T201


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(
    ("algorithm", "environment", "published", "seeds"), ROWS, ids=[f"{row[0]}-{row[1]}" for row in ROWS]
)
def test_untuned_is_within_two_deviations_of_cleanrl(
    algorithm: str, environment: str, published: tuple[float, float], seeds: int, table: list[str]
) -> None:
    scores, greedy = list[float](), list[float]()
    for seed in range(seeds):
        score, evaluated = in_training_and_greedy(algorithm, environment, seed)
        scores.append(score)
        greedy.append(evaluated)
        print(f"\n{algorithm} {environment} seed {seed}: training {score:.1f}, greedy {evaluated:.1f}", flush=True)  # noqa: T201
    (theirs, deviation), ours = published, statistics.fmean(scores)
    floor, error = theirs - DEVIATIONS * deviation, math.hypot(deviation / math.sqrt(2), standard_error(scores))
    apart = (ours - theirs) / error if error else 0.0
    table.append(
        f"{algorithm + ' ' + environment:22}{with_interval(scores)}{f'{theirs:.1f} ± {deviation:.1f}':>17}{floor:10.1f}"
        f"{apart:14.1f}{with_interval(greedy)}  {seeds}"
    )
    assert ours >= floor
