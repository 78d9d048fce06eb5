"""Which tokens each of the nine stages pushes: those that count, the end token once, and never a prompt, padding or somebody else's.

Read off the slope that a real update leaves at the scores of the tokens, or at the score of the whole.
"""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from app import catalog
from app.algorithms.language.pretrain import predicted
from app.parts.language_task import LanguageTask
from app.parts.sampling import Rows, scores_of
from app.parts.tokens import END, PAD
from app.parts.transformer import Transformer
from tests.algorithms.language.stages import small_task, stage

WRITERS = ("best_of_n", "dpo", "grpo_language", "ipo", "ppo_language", "rloo")
EVERY_TOKEN = ("grpo_language", "ppo_language", "rloo")  # each token of a group that is not dead


class Seen:
    """What passed through a model with a gradient: scores of tokens, and rows that were judged."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, agent: Any, method: str = "logits") -> None:
        self.found: list[Tensor] = []
        self.rows: list[Rows] = []
        plain, model = getattr(Transformer, method), agent.model

        def watched(this: Transformer, hidden: Tensor) -> Tensor:
            found: Tensor = plain(this, hidden)
            if this is model and found.requires_grad:
                found.retain_grad()
                self.found.append(found)
            return found

        monkeypatch.setattr(Transformer, method, watched)
        if hasattr(agent, "judge"):
            judge = agent.judge
            monkeypatch.setattr(agent, "judge", lambda rows: judge(kept(self.rows, rows)))

    def pushed(self) -> np.ndarray:
        """Return which columns (B, C) of the scores the first step pushed."""
        assert self.found[0].grad is not None
        return np.asarray((self.found[0].grad != 0).any(-1))


def kept(place: list[Any], value: Any) -> Any:
    """Return a value that is noted on the way."""
    place.append(value)
    return value


def dialogue() -> LanguageTask:
    spec = catalog.environment("dialogue")
    made = spec.make(spec.config())
    assert isinstance(made, LanguageTask)
    return made


def check_ends(own: np.ndarray, completions: np.ndarray) -> None:
    """Each end token counts once, and nothing after it."""
    for row, counted in zip(completions, own, strict=True):
        ends = np.flatnonzero(row == END)
        if len(ends):
            assert counted[ends[0]]
            assert not counted[ends[0] + 1 :].any()
        assert not counted[row == PAD].any()


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("make", [small_task, dialogue])
def test_a_stage_that_writes_pushes_what_it_wrote(name: str, make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    agent = stage(name, task=make(), n_prompts=16, group_size=4)
    seen = Seen(monkeypatch, agent)
    agent.update(1)
    rows, pushed = seen.rows[0], seen.pushed()
    assert (rows.completions == END).any()
    assert (rows.completions == PAD).any()
    check_ends(rows.own, rows.completions)
    assert pushed.any()
    assert not (pushed & ~rows.own).any()
    if name in EVERY_TOKEN:
        is_alive = pushed.any(axis=1)
        assert np.array_equal(pushed[is_alive], rows.own[is_alive])


def test_supervised_fine_tuning_pushes_the_answer_with_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    agent = stage("sft", batch_size=8, task=small_task(3))
    seen = Seen(monkeypatch, agent)
    agent.update(1)
    assert seen.found[0].shape[:2] == (8, 4)
    assert seen.pushed().all()  # three digits and the end of each


def test_supervised_fine_tuning_on_a_dialogue_leaves_out_what_the_other_says(monkeypatch: pytest.MonkeyPatch) -> None:
    agent = stage("sft", batch_size=8, task=dialogue())
    seen, examples = Seen(monkeypatch, agent), list[Any]()
    write = agent.examples
    monkeypatch.setattr(agent, "examples", lambda: kept(examples, write()))
    agent.update(1)
    mask = examples[0].mask > 0
    assert np.array_equal(seen.pushed(), mask)
    check_ends(mask, examples[0].tokens[:, agent.task.prompt_columns :])
    is_said = examples[0].tokens[:, agent.task.prompt_columns :] != PAD
    assert (is_said & ~mask).any()


def test_pre_training_pushes_every_token_after_the_first_and_no_padding(monkeypatch: pytest.MonkeyPatch) -> None:
    agent = stage("pretrain", batch_size=32, task=dialogue())
    seen, counted = Seen(monkeypatch, agent), list[Any]()
    monkeypatch.setattr("app.algorithms.language.pretrain.predicted", lambda rows: predicted(kept(counted, rows)))
    agent.update(1)
    tokens = counted[0]
    assert np.array_equal(seen.pushed(), predicted(tokens).bool().numpy())
    assert (predicted(tokens).sum(1) == (tokens != PAD).sum(1) - 1).all()


def test_the_reward_model_is_read_at_the_end_token_or_at_the_last_of_a_cut_completion() -> None:
    model = stage("reward_model").model
    model.parameters["score"].data += 1.0
    model.parameters["bias"].data += 0.1  # the sum of a normed stream is 0 without
    model.parameters["gain"].data += torch.arange(16) * 0.1
    tokens = np.array([[0, 4, 5, 2, 6, END, PAD], [4, 5, 2, 7, 6, 8, 3]])
    rows = Rows(tokens, 3, tokens[:, 3:] != PAD, np.zeros((2, 4), np.float32))
    found = scores_of(model, rows)
    for row, (start, last) in enumerate([(1, 5), (0, 6)]):
        alone = model.scores(model.hidden(torch.from_numpy(tokens[row : row + 1, start : last + 1])))[0, -1]
        torch.testing.assert_close(found[row], alone, rtol=0, atol=1e-6)
    longer = Rows(tokens.copy(), 3, rows.own, rows.log_probs)
    longer.tokens[0, 6] = 9  # what stands after the end is not read
    torch.testing.assert_close(scores_of(model, longer), found, rtol=0, atol=0)


def test_the_reward_model_pushes_one_score_of_each_completion(monkeypatch: pytest.MonkeyPatch) -> None:
    agent = stage("reward_model", n_prompts=16)
    seen = Seen(monkeypatch, agent, "scores")
    agent.update(1)
    assert seen.found[0].grad is not None
    chosen, rejected = seen.found[0].grad[0::2], seen.found[0].grad[1::2]
    assert len(chosen) > 0
    torch.testing.assert_close(chosen, -rejected)  # a number added to both changes nothing
    torch.testing.assert_close(chosen, torch.full_like(chosen, -0.5 / len(chosen)))  # all scores are 0 yet
