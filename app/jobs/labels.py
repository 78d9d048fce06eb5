"""Stored labels handed to a run that learns from them: copied when it is made, so that what it learns never changes.

A language run gets texts; a control run gets clips, as the states that the rater saw drawn and the actions that led from them.
N pairs, T steps of the longest clip, X numbers of a drawn state.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from app.core.contracts import Tree
from app.core.errors import InvalidInput, Refused
from app.core.text import _, filled
from app.store import episodes, preferences
from app.training.checkpoints import write_checkpoint

FOLDER = "labels"
STORED = "stored"
MOST_BYTES = 64 << 20
SHARES = {"left": 1.0, "right": 0.0, "tie": 0.5}


def wants(config: Mapping[str, Any]) -> bool:
    """Return whether a configuration learns from stored labels."""
    return config.get("labels") == STORED


def folder_of(run_folder: Path) -> Path:
    """Return where a run keeps its copy of the labels."""
    return run_folder / "parent" / FOLDER


def hand_over(connection: Any, source: int | None, target: Path) -> None:
    """Copy the labels of a run into the folder of another.

    Raises:
        InvalidInput: there is no run to take them from.
        Refused: it has none that could be learned from.
    """
    if source is None:
        rule = _("needs the labels of a run, and this one starts from none")
        way_out = _("Judge pairs on a run's page of preferences and start from there, or leave it at simulated.")
        raise InvalidInput.one("config.labels", STORED, rule, way_out)
    labels = preferences.list_(connection, source)
    tree = _texts(labels) if labels and "text" in labels[0]["left"] else _clips(connection, source, labels)
    if not labels or not len(tree["shares"]):
        rule = _("run {run} has no stored labels").format(run=source)
        way_out = _("Judge pairs at /runs/{run}/preferences first, or let a simulated rater do it.").format(run=source)
        raise Refused.one("config.labels", STORED, rule, way_out)
    write_checkpoint(target, tree, {"source": source, "labels": len(tree["shares"])})


def _texts(labels: Sequence[Mapping[str, Any]]) -> Tree:
    """Return {texts: JSON of [[prompt, left, right]], shares (N,)}; a share of 1 prefers the left one."""
    rows = [[label["left"]["prompt"], label["left"]["text"], label["right"]["text"]] for label in labels]
    shares = np.array([SHARES[label["choice"]] for label in labels])
    return {"texts": json.dumps(rows, ensure_ascii=False), "shares": shares}


def _clips(connection: Any, source: int, labels: Sequence[Mapping[str, Any]]) -> Tree:
    """Return {states (N, 2, T, X), actions (N, 2, T, …), lengths (N, 2), shares (N,)} of clips that are still kept."""
    known: dict[int, Any] = {}
    found: list[tuple[list[tuple[Any, Any]], float]] = []
    for label in labels:
        clips = [_clip(connection, source, label[side], known) for side in ("left", "right")]
        whole = [clip for clip in clips if clip is not None]
        if len(whole) == len(clips):
            found.append((whole, SHARES[label["choice"]]))
    if not found:
        return {"shares": np.zeros(0)}
    lengths = np.array([[len(actions) for _states, actions in pair] for pair, _share in found], np.int64)
    states, actions = found[0][0][0]
    shape = (len(found), 2, int(lengths.max()))
    size = int(np.prod((*shape, *states.shape[1:]))) * 4
    if size > MOST_BYTES:
        rule = _("the clips take {size} MB, and a run learns from {limit} MB at most")
        raise Refused.one(
            "config.labels", STORED, filled(rule, size=size >> 20, limit=MOST_BYTES >> 20), _("Forget some labels.")
        )
    tree = {"states": np.zeros((*shape, *states.shape[1:]), np.float32),
            "actions": np.zeros((*shape, *actions.shape[1:]), actions.dtype)}  # fmt: skip
    for row, (pair, _share) in enumerate(found):
        for side, parts in enumerate(pair):
            for name, part in zip(("states", "actions"), parts, strict=True):
                tree[name][row, side, : len(part)] = part
    return {**tree, "lengths": lengths, "shares": np.array([share for _pair, share in found])}


def _clip(connection: Any, run: int, piece: Mapping[str, Any], known: dict[int, Any]) -> tuple[Any, Any] | None:
    number, start, stop = piece["number"], piece["start"], piece["start"] + piece["length"]
    if number not in known:
        known[number] = episodes.get(connection, run, number)
    if known[number] is None or len(known[number][1]["actions"]) < stop:
        return None
    arrays = known[number][1]
    return arrays["states"][start:stop], arrays["actions"][start:stop]
