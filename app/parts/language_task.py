"""A task in text: prompts, what a completion earns, and the same as an environment in which each action is the next token.

An observation is a row of tokens: the prompt, padded on the left to P columns, then what was written so far, padded on the
right to C columns. An episode ends with the end token, or is cut after C tokens; the reward comes with its last token.
Prompts are numbered; a fifth of them, spread by a hash, is held out: training never sees one, and streams named
`evaluation …` see nothing else. Letters: N environments, B rows, P prompt columns, C completion columns, V vocabulary.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from app.core.contracts import Array, Step, Tree
from app.core.errors import InvalidInput
from app.core.randomness import TO_UNIT, derive_key, philox_array
from app.core.text import _
from app.parts.batch import checked_actions, first_of_group
from app.parts.tokens import END, PAD, Alphabet, Turns, right_aligned, written_by_model

I64 = NDArray[np.int64]
F64 = NDArray[np.float64]
HELD_OUT_EVERY = 5
ROUNDING = 1e-9
FEWEST_TO_HOLD_OUT = 50


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
        reply: `(prompt, what was said) → the one character that somebody else says next`, empty where it is the model's turn;
            None where the model speaks alone.
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
    reply: Callable[[str, str], str] | None = None
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

    def prompts(self, draws: F64, held_out: bool = False) -> list[str]:
        """Return the prompts that draws from [0, 1) (B,) fall on, or the next ones that are held out, or are not."""
        found = []
        for number in np.minimum((draws * self.n_prompts).astype(np.int64), self.n_prompts - 1).tolist():
            prompt = self.prompt(number)
            while self.n_prompts >= FEWEST_TO_HOLD_OUT and is_held_out(prompt) != held_out:
                number = (number + 1) % self.n_prompts
                prompt = self.prompt(number)
            found.append(prompt)
        return found

    def encoded(self, prompts: list[str]) -> I64:
        """Return the tokens of prompts (B, P); raises InvalidInput for one that is too long or has a foreign character."""
        too_long = [prompt for prompt in prompts if len(prompt) > self.prompt_columns]
        if too_long:
            rule = _("has more than {count} characters").format(count=self.prompt_columns)
            raise InvalidInput.one("prompt", too_long[0], rule, _("Shorten it."))
        return right_aligned([self.alphabet.encode(prompt, "prompt") for prompt in prompts], self.prompt_columns)

    @property
    def turns(self) -> Turns:
        """Who writes when."""
        return Turns(self.completion_columns, self.replies if self.reply else None)

    def replies(self, rows: I64) -> I64:
        """Return what somebody else says next to rows so far (B, L): a token, or −1 where it is the model's turn."""
        said = np.full(len(rows), -1, np.int64)
        for index, row in enumerate(rows):
            if self.reply and not (row[self.prompt_columns :] == END).any():
                prompt, text = self.texts(row)
                answer = self.reply(prompt, text)
                said[index] = self.alphabet.encode(answer)[0] if answer else -1
        return said

    def own(self, rows: I64) -> NDArray[np.bool_]:
        """Return which columns of the completions of rows (B, P + C) are the model's own (B, C)."""
        written = written_by_model(rows[:, self.prompt_columns :])
        if self.reply:
            for column in range(1, self.completion_columns):
                written[:, column] &= self.replies(rows[:, : self.prompt_columns + column]) < 0
        return written

    def texts(self, row: I64) -> tuple[str, str]:
        """Return prompt and completion of a row (L,) as text."""
        return self.alphabet.decode(row[: self.prompt_columns]), self.alphabet.decode(row[self.prompt_columns :])

    def rewards(self, prompts: list[str], completions: I64) -> F64:
        """Return the parts of the rewards (B, parts) of completions (B, C)."""
        parts = [
            self.judge(prompt, self.alphabet.decode(row), bool((row == END).any()))
            for prompt, row in zip(prompts, completions, strict=True)
        ]
        return np.array(parts, np.float64).reshape(len(prompts), len(self.reward_parts))

    def is_right(self, parts: F64) -> NDArray[np.bool_]:
        """Return which completions count as right (B,), from the parts of their rewards (B, parts)."""
        return np.asarray(parts.sum(axis=1) >= self.passes - ROUNDING)

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
        self._hear()
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

    def _hear(self) -> None:
        """Add what somebody else says to the rows that still have room."""
        if self._task.reply is None:
            return
        for lane in np.flatnonzero(self._written < self._task.completion_columns):
            end = self._task.prompt_columns + self._written[lane]
            said = int(self._task.replies(self._tokens[lane : lane + 1, :end])[0])
            if said >= 0:
                self._tokens[lane, end] = said
                self._written[lane] += 1

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


def is_held_out(prompt: str) -> bool:
    """Return whether training never sees a prompt."""
    return crc32(prompt.encode()) % HELD_OUT_EVERY == 0
