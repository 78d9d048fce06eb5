"""The difference of two files: what is shown, what is left out, what is marked."""

from pathlib import Path

from app import catalog
from app.web import differences, lessons
from app.web.differences import Block, Source

OLD = '''"""Old maths."""

import os


class OldConfig:
    """Words."""

    alpha = 1


def learn(q, s):
    """Say what it does."""
    step = 0
    first = q[s]
    second = q[s]
    third = q[s]
    fourth = q[s]
    fifth = q[s]
    target = r + gamma * max(q[s])  # (1)
    return target


SPEC = make(OldConfig, "old")
'''
NEW = (
    OLD.replace("Old maths", "New maths\n\nof two lines")
    .replace("Say what it does.", "Say it otherwise.")
    .replace("OldConfig", "NewConfig")
    .replace('"old"', '"new"')
    .replace("max(q[s])", "q[s, a]")
    + "\n\ndef extra():\n    return 1\n"
)


def sides(tmp_path: Path, old: str = OLD, new: str = NEW) -> tuple[Source, Source]:
    (tmp_path / "old.py").write_text(old)
    (tmp_path / "new.py").write_text(new)
    return Source(tmp_path / "old.py", ("OldConfig", "old")), Source(tmp_path / "new.py", ("NewConfig", "new"))


def changed(block: Block) -> tuple[list[int], list[int]]:
    chunks = [chunk for chunk in block.chunks if chunk.kind == "change"]
    return [row.number for chunk in chunks for row in chunk.old], [row.number for chunk in chunks for row in chunk.new]


def test_only_code_that_differs_is_shown(tmp_path: Path) -> None:
    found = differences.compare(*sides(tmp_path))
    assert [block.name for block in found.blocks] == ["learn", "extra"]
    assert found.same == ("imports", "·", "SPEC"), "its own names are no difference"
    assert found.declarations == ()
    assert (found.added, found.removed) == (3, 1)


def test_lines_keep_the_numbers_of_their_files(tmp_path: Path) -> None:
    learn, extra = differences.compare(*sides(tmp_path)).blocks
    assert changed(learn) == ([20], [22])
    assert OLD.splitlines()[19].strip().startswith("target")
    assert extra.is_only == "new"
    assert changed(extra) == ([], [29, 30])


def test_far_lines_give_way_to_a_gap_and_docstrings_are_left_out(tmp_path: Path) -> None:
    learn = differences.compare(*sides(tmp_path)).blocks[0]
    assert [chunk.kind for chunk in learn.chunks] == ["same", "gap", "same", "change", "same"]
    shown = " ".join(row.html for chunk in learn.chunks for row in (*chunk.old, *chunk.new))
    assert "Say" not in shown
    assert len(learn.chunks[2].old) == differences.CONTEXT


def test_words_that_differ_are_marked_and_everything_is_escaped(tmp_path: Path) -> None:
    new = NEW.replace("q[s, a]", "f('<b>')")
    change = next(
        chunk for chunk in differences.compare(*sides(tmp_path, new=new)).blocks[0].chunks if chunk.kind == "change"
    )
    assert "<del>" in change.old[0].html
    assert "max" in change.old[0].html.split("<del>")[1]
    assert "<ins>" in change.new[0].html
    assert "<b>" not in change.new[0].html
    assert "&lt;b&gt;" in change.new[0].html


def test_a_file_does_not_differ_from_itself(tmp_path: Path) -> None:
    old, _new = sides(tmp_path)
    found = differences.compare(old, old)
    assert found.blocks == ()
    assert (found.added, found.removed) == (0, 0)


def test_every_variant_changes_marked_lines_of_its_parent() -> None:
    """A variant repeats its parent's file: what differs is code, and some of it stays the same."""
    known = catalog.algorithms()
    for spec in known.values():
        if spec.parent is None:
            continue
        assert spec.parent in known, f"{spec.id} varies {spec.parent}, which is not here"
        pair = [
            Source(lessons.source_path(item), (item.config.__name__, item.id)) for item in (known[spec.parent], spec)
        ]
        found = differences.compare(*pair)
        assert found.added, f"{spec.id} repeats {spec.parent}"
        assert "learn" in [block.name for block in found.blocks] or spec.family != "tabular"


def test_sarsa_differs_from_q_learning_in_the_target() -> None:
    known = catalog.algorithms()
    pair = [
        Source(lessons.source_path(known[name]), (known[name].config.__name__, name))
        for name in ("q_learning", "sarsa")
    ]
    learn = next(block for block in differences.compare(*pair).blocks if block.name == "learn")
    removed = " ".join(row.html.striptags() for chunk in learn.chunks if chunk.kind == "change" for row in chunk.old)
    added = " ".join(row.html.striptags() for chunk in learn.chunks if chunk.kind == "change" for row in chunk.new)
    assert "best_value" in removed
    assert "best_value" not in added
    assert "q[next_state, next_action]" in added
    same = " ".join(row.html.striptags() for chunk in learn.chunks if chunk.kind == "same" for row in chunk.new)
    assert "delta = target - q_old # (2)" in same


def test_the_agents_are_compared_and_numbers_of_equations_are_no_difference(tmp_path: Path) -> None:
    """Double DQN is one line of maths away from DQN: where the next action comes from."""
    old, new = (catalog.algorithm(name) for name in ("dqn", "double_dqn"))
    files = [Source(lessons.source_path(one), (one.config.__name__, one.agent.__name__, one.id)) for one in (old, new)]
    found = differences.compare(*files)
    assert all(not block.is_only for block in found.blocks)
    assert found.added + found.removed < 30
    renumbered = (
        NEW.replace("target =", "# fmt: on\n    target =").replace("q[s, a]", "max(q[s])").replace("# (1)", "# (7)")
    )
    assert [block.name for block in differences.compare(*sides(tmp_path, OLD, renumbered)).blocks] == ["extra"]
