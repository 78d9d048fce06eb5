"""The reward model: Bradley and Terry by maximum likelihood, and that it learns to rank."""

import json

import numpy as np
import pytest
import torch

from app.algorithms.language.reward_model import bradley_terry_loss, preference
from app.core.contracts import Array
from app.core.errors import InvalidInput
from app.core.randomness import Stream
from app.parts.sampling import complete, scores_of
from app.parts.tokens import PAD
from tests.algorithms.language.stages import check_step, slope_by_differences, stage


def test_the_loss_is_the_likelihood_of_the_labels() -> None:
    scores = np.random.default_rng(0).normal(size=(2, 6))
    value = bradley_terry_loss(*torch.from_numpy(scores)).item()
    assert value == pytest.approx(-np.log(preference(scores[0], scores[1])).mean(), abs=1e-12)
    slope = slope_by_differences(lambda pairs: float(bradley_terry_loss(*torch.from_numpy(pairs))), scores.copy())
    np.testing.assert_allclose(slope[0], (preference(scores[0], scores[1]) - 1) / 6, atol=1e-9)


def fitted(items: int, pairs: Array, shares: Array | None) -> Array:
    """Return the abilities (I,), which add up to 0, that gradient descent on the app's loss ends at for pairs (N, 2)."""
    found = torch.zeros(items, dtype=torch.float64, requires_grad=True)
    preferred = None if shares is None else torch.from_numpy(shares)
    for _step in range(3_000):
        scores = found[torch.from_numpy(pairs)]
        (slope,) = torch.autograd.grad(bradley_terry_loss(scores[:, 0], scores[:, 1], preferred), found)
        found.data -= 4 * slope
        if slope.abs().max() < 1e-10:
            break
    return np.asarray((found - found.mean()).detach())


def minorised(wins: Array) -> Array:
    """Return the likeliest abilities (I,), which add up to 0, of wins of i over j (I, I), by minorising and maximising."""
    worths, items = np.ones(len(wins)), range(len(wins))
    for _step in range(2_000):
        worths = np.array([
            wins[i].sum() / sum((wins[i, j] + wins[j, i]) / (worths[i] + worths[j]) for j in items if j != i)
            for i in items
        ])  # fmt: skip
        worths /= np.exp(np.log(worths).mean())
    return np.asarray(np.log(worths))


WINS = np.array([[0, 3, 4, 5], [1, 0, 2, 4], [2, 3, 0, 1], [1, 1, 2, 0]])


def test_it_recovers_the_likeliest_abilities_from_a_table_of_wins() -> None:
    each = np.array([(i, j) for i in range(4) for j in range(4) for _win in range(WINS[i, j])])
    found = fitted(4, each, None)
    assert abs(found).max() > 0.5
    np.testing.assert_allclose(found, minorised(WINS), atol=1e-6)


def test_it_recovers_the_likeliest_abilities_from_shares_where_a_tie_is_half_a_win() -> None:
    ties = np.zeros((4, 4))
    ties[0, 3] = ties[3, 0] = 4.0
    ties[1, 2] = ties[2, 1] = 1.0
    each = [(i, j, 1.0) for i in range(4) for j in range(4) for _win in range(WINS[i, j])]
    each += [(i, j, 0.5) for i in range(4) for j in range(i) for _tie in range(int(ties[i, j]))]
    table = np.array(each)
    found = fitted(4, table[:, :2].astype(np.int64), table[:, 2])
    np.testing.assert_allclose(found, minorised(WINS + ties / 2), atol=1e-6)
    assert abs(found - minorised(WINS)).max() > 0.05, "to leave ties out would give something else"


def test_it_recovers_the_worths_that_made_the_pairs() -> None:
    worths = np.array([0.0, 0.7, -0.4, 1.5])
    pairs = np.stack(np.triu_indices(4, 1), axis=1)
    found = fitted(4, pairs, preference(worths[pairs[:, 0]], worths[pairs[:, 1]]))
    np.testing.assert_allclose(found, worths - worths.mean(), atol=1e-8)


def test_it_learns_to_rank_completions_of_prompts_it_never_saw() -> None:
    agent = stage("reward_model", steps=100, d_model=32, n_prompts=64, learning_rate=3e-3)
    losses, shares = [], []
    for _update in range(100):
        losses.append(agent.update(1).scalars["train/loss"])
        shares.append(agent.diagnostics()["eval/accuracy"])
    assert np.mean(losses[-20:]) < np.log(2) - 0.1
    assert np.mean(shares[-20:]) > max(np.mean(shares[:5]), 0.62)


def test_accuracy_on_held_out_pairs_is_of_the_same_pairs_whatever_is_edited() -> None:
    """A live edit of the group's size is no other exam, before a resume and after it."""
    agent = stage("reward_model", d_model=32, n_prompts=16)
    agent.update(1)
    agent.edit(agent.config.model_copy(update={"group_size": 5}))
    resumed = stage("reward_model", d_model=32, n_prompts=16, group_size=5)
    resumed.load(agent.state())
    assert resumed.diagnostics() == agent.diagnostics()


def test_a_critics_head_is_no_score() -> None:
    critic = stage("ppo_language", n_prompts=4, learning_rate=1e-2)
    critic.update(1)
    assert critic.model.parameters["score"].detach().abs().max() > 0
    judge = stage("reward_model", origin=critic.state(), n_prompts=4)
    assert (judge.model.parameters["score"].detach() == 0).all()


def test_it_hands_on_the_writer_as_it_was_and_itself_as_the_judge() -> None:
    first = stage("sft")
    first.update(1)
    judge = stage("reward_model", origin=first.state(), n_prompts=8)
    judge.update(1)
    handed = judge.state()
    assert np.array_equal(handed["model"]["weights"], first.model.weights)
    assert not np.array_equal(handed["judge"]["weights"][: first.model.weights.size], first.model.weights)
    later = stage("rloo", origin=handed, reward="reward_model", n_prompts=4)
    written = later.write()
    np.testing.assert_allclose(written.rewards, later.scored(written.rows))
    assert not np.allclose(written.rewards, written.true_rewards)


def test_scores_have_mean_0_and_deviation_1_over_what_the_reference_writes_whatever_the_reward_models_zero_and_unit() -> (
    None
):
    judge = stage("reward_model", n_prompts=8, learning_rate=1e-2)
    for _update in range(5):
        judge.update(1)
    handed = judge.state()
    later = stage("rloo", origin=handed, reward="reward_model", n_prompts=4)
    prompts = later.task.prompts(Stream(7, "prompts").uniforms(2_000))
    rows = complete(later.reference, later.task.encoded(prompts), turns=later.task.turns, random=Stream(7, "tokens"))
    found = later.scored(rows)
    error = 1 / np.sqrt(512)  # of what 512 completions say of the mean and the deviation
    assert abs(found.mean()) < 5 * error
    assert abs(found.std() - 1) < 5 * error
    columns = handed["judge"]["weights"].size - later.model.shape.d_model
    tripled = handed["judge"]["weights"].copy()
    tripled[columns:] *= 3
    stretched = stage(
        "rloo", origin={**handed, "judge": {**handed["judge"], "weights": tripled}}, reward="reward_model"
    )
    np.testing.assert_allclose(stretched.scored(rows), found, atol=1e-4)
    plain = scores_of(later.scorer, rows).detach().numpy()
    assert np.corrcoef(plain, found)[0, 1] > 0.9999
    later.update(1)
    resumed = stage("rloo", origin=handed, reward="reward_model", n_prompts=4)
    resumed.load(later.state())
    assert np.array_equal(resumed.scored(rows), found), "the zero and the unit are those of the start, for ever"


def test_a_stage_that_has_no_reward_model_to_start_from_says_so() -> None:
    with pytest.raises(InvalidInput, match="no stage to start from that has a reward model"):
        stage("rloo", origin=stage("sft").state(), reward="reward_model")
    with pytest.raises(InvalidInput, match="no stage to start from that has a reward model"):
        stage("rloo", reward="reward_model").update(1)


def stored(*pairs: tuple[str, str, str, float]) -> dict[str, object]:
    """Labels of pairs (prompt, left, right, share that the left one is preferred)."""
    return {"texts": json.dumps([pair[:3] for pair in pairs]), "shares": np.array([pair[3] for pair in pairs])}


def test_a_tie_counts_half_for_either_side() -> None:
    left, right = torch.tensor([[0.3, -1.0], [0.1, 2.0]], dtype=torch.float64)
    whole = bradley_terry_loss(left, right, torch.tensor([1.0, 1.0]))
    assert float(whole) == pytest.approx(float(bradley_terry_loss(left, right)))
    chances = preference(left.numpy(), right.numpy())
    by_hand = -np.log(chances * (1 - chances)).mean() / 2
    assert float(bradley_terry_loss(left, right, torch.tensor([0.5, 0.5]))) == pytest.approx(by_hand)


def test_it_learns_what_a_person_prefers_though_the_task_says_otherwise() -> None:
    writer = stage("sft").state()
    pairs = [(f"{a}{b}{a}=", f"{a}{a}{b}⏎", f"{b}{a}{a}⏎", 0.0) for a in range(4) for b in range(5, 8)]
    agent = stage("reward_model", origin={**writer, "labels": stored(*pairs)}, labels="stored", learning_rate=3e-3)
    assert (agent.stored[0] == agent.task.encoded(["050="])[0][0]).any()
    for _update in range(40):
        report = agent.update(1)
    assert report.scalars["train/accuracy"] > 0.9, "descending answers are what the rater prefers here"
    assert report.scalars["train/loss"] < 0.4
    assert agent.diagnostics()["eval/accuracy"] == 1.0, (
        "a fifth of the pairs was held out, and is ranked as the person did"
    )
    again = stage("reward_model", labels="stored", learning_rate=3e-3)
    again.load(agent.state())
    assert again.update(1).scalars == agent.update(1).scalars, "its checkpoint holds the labels"


def test_a_prompt_is_held_out_with_all_its_stored_pairs() -> None:
    pairs = [
        (f"{a}{b}{a}=", f"{a}{a}{b}⏎", f"{b}{a}{a}⏎", 1.0) for b in (5, 6) for a in range(5) for _again in range(2)
    ]
    agent = stage("reward_model", origin={**stage("sft").state(), "labels": stored(*pairs)}, labels="stored")
    held = {pair[0] for pair, is_held in zip(pairs, agent.is_kept_back, strict=True) if is_held}
    learned = {pair[0] for pair, is_held in zip(pairs, agent.is_kept_back, strict=True) if not is_held}
    assert held == {"454=", "464="}, "every fifth prompt"
    assert len(learned) == 8
    assert not held & learned
    empty = stage("reward_model", origin=stage("sft").state(), labels="stored")
    assert not empty.is_kept_back.size


def test_an_update_on_stored_pairs_counts_ties_for_half() -> None:
    labels = stored(("120=", "012⏎", "210⏎", 1.0), ("534=", "345⏎", "55", 0.5), ("9=", "9⏎", "8⏎", 0.0))
    origin = {**stage("sft").state(), "labels": labels}
    agent, twin = (
        stage("reward_model", origin=origin, labels="stored", n_prompts=16, max_grad_norm=1e6) for _copy in range(2)
    )
    tree = agent.state()
    tree["judge"]["weights"] += np.random.default_rng(5).normal(size=agent.model.weights.size).astype(np.float32) * 0.2
    for each in (agent, twin):
        each.load(tree)
    report, rows = agent.update(1), twin.drawn()[0].rows.tokens
    scores, terms = [], []
    for tokens in rows:
        said = np.flatnonzero(tokens != PAD)
        hidden = twin.model.hidden(torch.from_numpy(tokens[None, said[0] : said[-1] + 1]))
        scores.append((hidden[0, -1] * twin.model.parameters["score"][0]).sum())
    for pair, tokens in enumerate(rows[0::2]):
        margin = scores[2 * pair] - scores[2 * pair + 1]
        is_tie = twin.task.texts(tokens)[0] == "534="
        wrong = torch.log1p(torch.exp(-margin))
        terms.append(wrong + margin / 2 if is_tie else wrong)  # −½ log σ(m) − ½ log σ(−m)
    check_step(agent, report, twin, torch.stack(terms).mean())


def test_labels_that_are_missing_or_of_another_task_are_refused() -> None:
    with pytest.raises(InvalidInput, match="no stored labels"):
        stage("reward_model", labels="stored").update(1)
    writer = stage("sft").state()
    for text, match in (("12x⏎", "no token"), ("1234567⏎", "more than")):
        labels = stored(("123=", "123⏎", text, 1.0))
        with pytest.raises(InvalidInput, match=match):
            stage("reward_model", origin={**writer, "labels": labels}, labels="stored")
