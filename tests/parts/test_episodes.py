"""The record of an episode, what is eligible in it, and where exploring starts begin."""

import numpy as np
import pytest

from app.parts.episodes import eligibility_of, episode_record, fresh_start_states
from app.parts.exact import Exact
from app.parts.tabular import mdp_from_outcomes


def test_eligibility_is_the_weight_of_the_next_reward_in_each_return() -> None:
    record, q = episode_record(5), np.zeros((2, 1))
    record.states[0, :3] = 0, 1, 0
    record.is_first[0, :3] = True, True, False
    # The next reward is three steps after the first pair, two after the second, one after the third.
    first = eligibility_of(record, 3, q=q, gamma=0.5, first=True)
    every = eligibility_of(record, 3, q=q, gamma=0.5, first=False)
    assert first[:, 0].tolist() == [0.125, 0.25]
    assert every[:, 0].tolist() == [0.125 + 0.5, 0.25]
    assert eligibility_of(record, 0, q=q, gamma=0.5, first=True) == pytest.approx(0.0)


def test_exploring_starts_begin_where_an_agent_may_have_to_act() -> None:
    ends = [[(1.0, 2, 0.0, True)]]
    mdp = mdp_from_outcomes([[[(1.0, 1, 0.0, False)]], ends, ends, ends], np.eye(4)[0])
    starts = fresh_start_states(Exact(mdp, 0.9, 10))
    assert starts.states[0, : starts.count[0]].tolist() == [0, 1]
