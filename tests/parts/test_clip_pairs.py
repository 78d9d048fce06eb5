"""Clips of experience: cut within episodes, seen as they are drawn, and answered by a rater who may err."""

import numpy as np

from app import catalog
from app.core.randomness import Stream
from app.parts.clip_pairs import ClipPairs, Seen, answers, cut, handed, steps_left


def test_steps_left_end_with_the_episode_or_the_rollout() -> None:
    ended = np.array([[False, True], [True, False], [False, False]])
    assert steps_left(ended).tolist() == [[2, 1], [1, 2], [1, 1]]


def test_a_clip_stays_within_its_episode_and_its_return_is_that_of_its_steps() -> None:
    rewards = np.arange(12.0).reshape(6, 2)
    ended = np.zeros((6, 2), np.bool_)
    ended[2, 0] = True
    features = np.stack([rewards, rewards], axis=2).astype(np.float32)
    clips, lengths, returns = cut(features, rewards, ended, count=50, clip_steps=4, random=Stream(1, "clips"))
    assert clips.shape == (50, 2, 4, 2)
    np.testing.assert_allclose(clips[..., 0].sum(axis=2), returns)
    first, lane = clips[:, :, 0, 0] // 2, clips[:, :, 0, 0] % 2
    expected = np.where((lane == 0) & (first <= 2), np.minimum(3 - first, 4), 4)
    np.testing.assert_array_equal(lengths, expected)
    assert (clips[np.arange(4) >= lengths[..., None]] == 0).all()


def test_the_rater_prefers_what_earned_more_and_errs_as_often_as_it_is_told() -> None:
    returns = np.array([[2.0, 1.0], [0.0, 3.0], [1.0, 1.0]])
    assert answers(returns, label_noise=0.0, random=Stream(1, "a")).tolist() == [1.0, 0.0, 0.5]
    assert answers(returns, label_noise=1.0, random=Stream(1, "a")).tolist() == [0.0, 1.0, 0.5]
    many = answers(np.tile([1.0, 0.0], (4000, 1)), label_noise=0.1, random=Stream(1, "a"))
    assert abs(many.mean() - 0.9) < 0.02


def seen(name: str, **options: object) -> tuple[Seen, object]:
    spec = catalog.environment(name)
    world = spec.make(spec.config.parse(options, "environment_config"))
    batch = world.batch(2, 1, "environment", True)
    batch.reset()
    return Seen(world, batch.states().shape[1]), batch.reset()


def test_stored_clips_are_seen_as_the_agents_own() -> None:
    for name, actions in (("CartPole-v1", [1, 0]), ("Pendulum-v1", [[0.5], [-1.0]]), ("CliffWalking-v1", [3, 1])):
        view, observations = seen(name)
        given, done = np.asarray(observations), np.array(actions)
        own = view.of(given, done)
        drawn = given.argmax(axis=1)[:, None] if view.is_discrete else given[:, : view.state_size]
        assert own.shape == (2, view.size)
        np.testing.assert_array_equal(view.of_drawn(drawn.astype(np.float32), done), own)


def test_pairs_are_restored_whatever_room_there_was() -> None:
    pairs = ClipPairs(4, 3, 2)
    pairs.add(np.ones((2, 2, 3, 2)), np.array([[3, 1], [2, 2]]), np.array([1.0, 0.5]))
    other = ClipPairs(0, 3, 2)
    other.load(pairs.state())
    assert other.within.tolist() == pairs.within.tolist()
    assert other.within[0].tolist() == [[True, True, True], [True, False, False]]
    assert other.shares.tolist() == [1.0, 0.5]


def test_stored_labels_become_pairs() -> None:
    view, _observations = seen("CartPole-v1")
    labels = {"states": np.ones((1, 2, 5, 4), np.float32), "actions": np.ones((1, 2, 5), np.int32),
              "lengths": np.array([[5, 3]]), "shares": np.array([0.0])}  # fmt: skip
    pairs = handed(labels, view)
    assert pairs.features.shape == (1, 2, 5, 6)
    assert pairs.features[0, 0, 0].tolist() == [1, 1, 1, 1, 0, 1]
    assert pairs.count == 1
