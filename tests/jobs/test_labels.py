"""Stored labels are copied for the run that learns from them: texts of completions, states and actions of clips."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.core.errors import InvalidInput, Refused
from app.jobs import labels, lineage
from app.store import episodes, preferences, runs
from app.store.database import Store
from app.training.checkpoints import read_checkpoint


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path / "data", group_commit_s=0.0)
    yield opened
    opened.close()


def created(store: Store, **more: Any) -> int:
    base = {"algorithm": "ppo", "environment": "CartPole-v1", "config": {}, "seed": 1, "total_steps": 10}
    return store.writer.do(lambda connection: lineage.insert(store, connection, runs.RunNew(**{**base, **more})))


def label(left: dict[str, Any], right: dict[str, Any], choice: str) -> dict[str, Any]:
    return {"left": left, "right": right, "choice": choice, "rater": "person"}


def learner(store: Store, source: int | None) -> int:
    return created(store, algorithm="ppo_preferences", config={"labels": "stored"}, parent_run=source)


def handed(store: Store, run: int) -> Any:
    return read_checkpoint(labels.folder_of(store.run_folder(run)))[0]


def test_completions_are_handed_on_as_texts(store: Store) -> None:
    source = created(store)
    sides = [{"prompt": "21=", "text": text} for text in ("12⏎", "21")]
    made = [label(sides[0], sides[1], choice) for choice in ("left", "tie")]
    store.writer.do(lambda connection: preferences.add(connection, source, made))
    tree = handed(store, learner(store, source))
    assert json.loads(tree["texts"]) == [["21=", "12⏎", "21"]] * 2
    assert tree["shares"].tolist() == [1.0, 0.5]
    store.writer.do(lambda connection: preferences.remove(connection, source))
    assert len(tree["shares"]) == 2, "a copy stays"


def test_clips_are_handed_on_as_what_was_drawn_and_done(store: Store) -> None:
    source = created(store)
    states = np.arange(24, dtype=np.float32).reshape(6, 4)
    arrays = {"states": states, "actions": np.array([0, 1, 1, 0, 1], np.int32), "rewards": np.ones(5, np.float32)}
    facts = {"number": 3, "step": 5, "kind": "evaluation", "return": 5.0, "length": 5, "terminated": True}
    facts |= {"truncated": False, "evaluation": 1, "place": "median", "lane": 0}
    store.writer.do(lambda connection: episodes.put(connection, source, facts, arrays))
    clip = {"step": 5, "number": 3, "start": 1, "length": 3}
    made = [label(clip, {**clip, "start": 3, "length": 2}, "right"), label(clip, {**clip, "number": 9}, "left")]
    store.writer.do(lambda connection: preferences.add(connection, source, made))
    tree = handed(store, learner(store, source))
    assert tree["lengths"].tolist() == [[3, 2]], "a pair with a clip that is gone is left out"
    assert tree["states"].shape == (1, 2, 3, 4)
    np.testing.assert_array_equal(tree["states"][0, 0], states[1:4])
    np.testing.assert_array_equal(tree["states"][0, 1], [*states[3:5], np.zeros(4)])
    assert tree["actions"][0].tolist() == [[1, 1, 0], [0, 1, 0]]
    assert tree["shares"].tolist() == [0.0]


def test_a_run_without_labels_or_without_a_parent_is_refused_and_not_made(store: Store) -> None:
    source = created(store)
    with pytest.raises(Refused, match="no stored labels"):
        learner(store, source)
    with pytest.raises(InvalidInput, match="starts from none"):
        learner(store, None)
    with store.read() as connection:
        assert runs.get(connection, source + 1) is None
