"""A task in text: prompts, what a completion earns, and the same as an environment in which each action is the next token.

An observation is a row of tokens: the prompt, padded on the left to P columns, then what was written so far, padded on the
right to C columns. An episode ends with the end token, or is cut after C tokens; the reward comes with its last token.
Prompts are numbered; a fifth of them, spread by a hash, is held out: training never sees one, and streams named
`evaluation …` see nothing else. Letters: N environments, B rows, P prompt columns, C completion columns, V vocabulary.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from app.core.contracts import Array, Step, Tree
from app.core.randomness import TO_UNIT, derive_key, philox_array
from app.parts.batch import checked_actions, first_of_group
from app.parts.tokens import END, PAD, Alphabet, right_aligned

I64 = NDArray[np.int64]
F64 = NDArray[np.float64]
HELD_OUT_EVERY = 5
FEWEST_TO_HOLD_OUT = 50
SPREAD = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True, eq=False)
class LanguageTask:
    """A configured task.

    Attributes:
        prompt_columns, completion_columns: P and C; C counts the end token.
        n_prompts: how many prompts there are; `prompt` writes the one of a number.
        answer: `prompt → a right completion`, without the end token; None where nobody can say one.
        document: `(prompt, draw from [0, 1)) → what an author continues it with`, for pre-training: most authors do
            something else than the task asks for.
        reward_parts: names of the parts of the reward.
        judge: `(prompt, completion, whether it ended) → the parts`; their sum is the reward.
        optimum: mean reward of the best that can be written.
        passes: reward from which a completion counts as right.
    """

    id: str
    alphabet: Alphabet
    prompt_columns: int
    completion_columns: int
    n_prompts: int
    prompt: Callable[[int], str]
    answer: Callable[[str], str] | None
    document: Callable[[str, float], str]
    reward_parts: tuple[str, ...]
    judge: Callable[[str, str, bool], tuple[float, ...]]
    optimum: float = 1.0
    passes: float = 1.0
    action_bounds: ClassVar[None] = None
    mdp: ClassVar[None] = None
    changes: ClassVar[tuple[()]] = ()
    is_replayable: ClassVar[bool] = True

    @property
    def n_actions(self) -> int:
        """V."""
        return self.alphabet.size

    @property
    def observation_size(self) -> int:
        """Columns of a row: P + C."""
        return self.prompt_columns + self.completion_columns

    @property
    def max_episode_steps(self) -> int:
        """C."""
        return self.completion_columns

    def numbers(self, draws: F64, held_out: bool = False) -> I64:
        """Return the numbers of the prompts that draws from [0, 1) (B,) fall on, held out or not."""
        numbers = np.minimum((draws * self.n_prompts).astype(np.int64), self.n_prompts - 1)
        if self.n_prompts < FEWEST_TO_HOLD_OUT:
            return numbers
        while (wrong := is_held_out(numbers) != held_out).any():
            numbers[wrong] = (numbers[wrong] + 1) % self.n_prompts
        return numbers

    def prompts(self, draws: F64, held_out: bool = False) -> list[str]:
        """Return the prompts that draws from [0, 1) (B,) fall on."""
        return [self.prompt(int(number)) for number in self.numbers(draws, held_out)]

    def encoded(self, prompts: list[str]) -> I64:
        """Return the tokens of prompts (B, P); raises InvalidInput for one that is too long or has a foreign character."""
        return right_aligned([self.alphabet.encode(prompt, "prompt") for prompt in prompts], self.prompt_columns)

    def rewards(self, prompts: list[str], completions: I64) -> F64:
        """Return the parts of the rewards (B, parts) of completions (B, C)."""
        parts = [
            self.judge(prompt, self.alphabet.decode(row), bool((row == END).any()))
            for prompt, row in zip(prompts, completions, strict=True)
        ]
        return np.array(parts, np.float64).reshape(len(prompts), len(self.reward_parts))

    def batch(self, n_envs: int, seed: int, stream: str, features: bool) -> "LanguageBatch":
        """Return N copies; `features` changes nothing, observations are rows of tokens (N, P + C) float32."""
        return LanguageBatch(self, n_envs, seed=seed, stream=stream)


class LanguageBatch:
    """N copies of a task; an action is the next token."""

    def __init__(self, task: LanguageTask, n_envs: int, *, seed: int, stream: str) -> None:
        self.n_envs = n_envs
        self._task, self._key = task, derive_key(seed, stream)
        self._held_out = stream.startswith("evaluation")
        self._tokens = np.full((n_envs, task.observation_size), PAD, np.int64)
        self._written, self._episodes = np.zeros(n_envs, np.int64), np.zeros(n_envs, np.int64)
        flags = (np.zeros(n_envs, np.bool_), np.zeros(n_envs, np.bool_))
        rows = (np.zeros(self._tokens.shape, np.float32) for _ in range(2))
        self._step = Step(next(rows), np.zeros(n_envs), *flags, next(rows))

    def reset(self) -> Array:
        """Start every environment's first episode and return the observations."""
        self._episodes[:] = 0
        return self._begin(np.arange(self.n_envs))

    def restart(self, episode: int, group: int = 1) -> Array:
        """Start episode number `episode` everywhere, each as the first of its group does, and return the observations."""
        self._episodes[:] = episode
        self._begin(np.arange(self.n_envs))
        self._tokens[:] = self._tokens[first_of_group(self.n_envs, group)]
        return self._observe()

    def step(self, actions: Array) -> Step:
        """Take tokens (N,); a row that ends is replaced by the next prompt in the same step."""
        actions = checked_actions(actions, self.n_envs, self._task.n_actions)
        task, step = self._task, self._step
        self._tokens[np.arange(self.n_envs), task.prompt_columns + self._written] = actions
        self._written += 1
        step.terminated[:] = actions == END
        step.truncated[:] = (self._written >= task.completion_columns) & ~step.terminated
        step.final_observations[:] = self._tokens
        step.rewards[:] = 0.0
        ended = np.flatnonzero(step.terminated | step.truncated)
        if len(ended):
            prompts = [task.alphabet.decode(row) for row in self._tokens[ended, : task.prompt_columns]]
            completions = self._tokens[ended, task.prompt_columns :]
            step.rewards[ended] = task.rewards(prompts, completions).sum(axis=1)
            self._episodes[ended] += 1
            self._begin(ended)
        self._observe()
        return step

    def states(self) -> Array:
        """Return the rows of tokens (N, P + C) float64."""
        return self._tokens.astype(np.float64)

    def state(self) -> Tree:
        """Return everything that decides the future."""
        return {"tokens": self._tokens.copy(), "written": self._written.copy(), "episodes": self._episodes.copy()}

    def load(self, tree: Tree) -> None:
        """Restore what `state` returned."""
        self._tokens[:], self._written[:], self._episodes[:] = tree["tokens"], tree["written"], tree["episodes"]
        self._observe()

    def _begin(self, lanes: I64) -> Array:
        counters, numbers = self._episodes[lanes].astype(np.uint64), lanes.astype(np.uint64)
        draws: F64 = np.multiply(philox_array(counters, numbers, self._key)[:, 0], TO_UNIT, dtype=np.float64)
        prompts = self._task.encoded(self._task.prompts(draws, self._held_out))
        self._tokens[lanes] = PAD
        self._tokens[lanes, : self._task.prompt_columns] = prompts
        self._written[lanes] = 0
        return self._observe()

    def _observe(self) -> Array:
        self._step.observations[:] = self._tokens
        return self._step.observations


def is_held_out(numbers: I64) -> NDArray[np.bool_]:
    """Return which prompt numbers (B,) training never sees."""
    with np.errstate(over="ignore"):
        mixed = (numbers.astype(np.uint64) + np.uint64(1)) * SPREAD
    return np.asarray((mixed >> np.uint64(40)) % np.uint64(HELD_OUT_EVERY) == 0)
