"""Preferences: which two things of a run are compared, what a rater says of them, and what follows from all that was said.

A run is judged by what it kept: a language run by its drafts, two completions of each of some training prompts at every
kept moment, and a control run by clips of its recorded episodes. The moments that are compared are eight at most, spread
evenly over the run's budget; Bradley and Terry's abilities are those of the moments. Pairs that differ come in rounds:
each of them once, in an order that follows from the run, before one comes again.
"""

import csv
import io
import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Hashable, Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Any, Literal, cast

import numpy as np

from app.core.errors import InvalidInput, Missing, Refused
from app.core.text import _, filled
from app.parts.bradley_terry import abilities
from app.protocol.preferences import (
    Ability,
    Choice,
    Judged,
    Label,
    LabelNew,
    Pair,
    Piece,
    PieceRef,
    PreferencePage,
    Rated,
    RaterRequest,
)
from app.store import preferences
from app.store import runs as run_rows
from app.web.pieces import Couple, Pieces
from app.web.services import Playground, existing

PRIOR = 0.1  # wins that each moment is given over each other, so that a moment that won always has an ability
COLUMNS = ("step", "number", "start", "length", "earned", "text")


def pair(playground: Playground, run: int, number: int | None = None) -> Pair:
    """Return two things to compare; without a number, those that follow the labels there are.

    Raises:
        Missing: no such run.
        Refused: it kept nothing that could be compared.
    """
    with playground.store.read() as connection:
        pieces = _pieces(playground, connection, run)
        place = preferences.count(connection, run) if number is None else number
        left, right = next(_drawn(pieces, preferences.list_(connection, run), place))
    return Pair(number=place, kind=pieces.kind, prompt=left.get("prompt"), left=_piece(left), right=_piece(right))


def page(playground: Playground, run: int, *, after: int = 0, limit: int = 200) -> PreferencePage:
    """Return labels after an id, oldest first, with what follows from all labels of the run."""
    with playground.store.read() as connection:
        existing(run_rows.get(connection, run), run)
        labels = preferences.list_(connection, run)
    rows = [label for label in labels if label["id"] > after]
    items = [label_of(row) for row in rows[:limit]]
    return PreferencePage(
        items=items,
        next_cursor=str(items[-1].id) if len(rows) > limit else None,
        total=len(labels),
        abilities=abilities_of(labels),
        agreement=agreement_of(labels),
    )


def add(playground: Playground, run: int, body: LabelNew, *, key: str | None = None) -> Label:
    """Store what a person says; with a key that was used before, return what was stored then.

    Raises:
        Missing: no such run, or nothing like one of the two.
        InvalidInput: the two cannot be compared, or the key was used with another label.
        Refused: the run has as many labels as are kept.
    """
    playground.catalog()

    def work(connection: Any) -> dict[str, Any]:
        pieces = _pieces(playground, connection, run)
        left, right = _found(pieces, body.left, "left"), _found(pieces, body.right, "right")
        if left.get("prompt") != right.get("prompt"):
            rule = _("continues another prompt than the left one, {prompt}").format(prompt=left.get("prompt"))
            raise InvalidInput.one("right.number", body.right.number, rule, _("Compare completions of one prompt."))
        label = {"left": left, "right": right, "choice": body.choice, "rater": "person"}
        known = preferences.of_key(connection, run, key) if key else None
        if known is not None:
            return _same(known, label, key)
        check_room(connection, run, 1)
        preferences.add(connection, run, [{**label, "key": key}])
        return preferences.list_(connection, run)[-1]

    return label_of(playground.store.writer.do(work))


def simulate(playground: Playground, run: int, body: RaterRequest, *, key: str | None = None) -> Rated:
    """Let a simulated rater label pairs, those that come next; a key that was used before adds nothing.

    Raises:
        Missing: no such run.
        Refused: nothing to compare, or more labels than are kept.
    """
    playground.catalog()

    def work(connection: Any) -> Rated:
        total = preferences.count(connection, run)
        if key and preferences.of_key(connection, run, key) is not None:
            return Rated(added=0, total=total)
        pieces = _pieces(playground, connection, run)
        check_room(connection, run, body.count)
        coming = _drawn(pieces, preferences.list_(connection, run), total)
        labels = [_rated(*next(coming), total + place, body) for place in range(body.count)]
        preferences.add(connection, run, [{**labels[0], "key": key}, *labels[1:]])
        return Rated(added=len(labels), total=total + len(labels))

    return playground.store.writer.do(work)


def remove(playground: Playground, run: int, label: int | None = None) -> None:
    """Forget a label, or all of a run; raises `Missing`."""
    playground.run(run)
    removed = playground.store.writer.do(lambda connection: preferences.remove(connection, run, label))
    if not removed and label is not None:
        raise Missing.one("label", label, _("this run has no such label"))


def ids(playground: Playground, run: int) -> list[int]:
    """Return the ids of the labels of a run, oldest first."""
    with playground.store.read() as connection:
        return preferences.ids(connection, run)


def as_csv(playground: Playground, run: int) -> Iterator[str]:
    """Yield the labels as lines of a table."""
    with playground.store.read() as connection:
        existing(run_rows.get(connection, run), run)
        labels = preferences.list_(connection, run)
    sides = [f"{side}_{name}" for side in ("left", "right") for name in COLUMNS]
    yield _line(["id", "created", "rater", "choice", "prompt", *sides])
    for label in labels:
        values = [label[side].get(name, "") for side in ("left", "right") for name in COLUMNS]
        prompt = label["left"].get("prompt", "")
        yield _line([label["id"], label["created"], label["rater"], label["choice"], prompt, *values])


def abilities_of(labels: Sequence[Mapping[str, Any]]) -> list[Ability]:
    """Return the ability of each moment that was compared with another; a tie is half a win for both."""
    compared = [label for label in labels if label["left"]["step"] != label["right"]["step"]]
    steps = sorted({label[side]["step"] for label in compared for side in ("left", "right")})
    wins = np.zeros((len(steps), len(steps)))
    for label in compared:
        left, right = steps.index(label["left"]["step"]), steps.index(label["right"]["step"])
        share = {"left": 1.0, "right": 0.0, "tie": 0.5}[label["choice"]]
        wins[left, right] += share
        wins[right, left] += 1 - share
    if len(steps) < 2:
        return []
    found = abilities(wins, prior=PRIOR, tolerance=1e-9)
    counts = (wins + wins.T).sum(axis=1)
    return [
        Ability(step=step, ability=float(value), half_width=float(width), compared=int(count))
        for step, value, width, count in zip(steps, *found, counts, strict=True)
    ]


def agreement_of(labels: Sequence[Mapping[str, Any]]) -> float | None:
    """Return the share of choices that went to what earned more, ties apart."""
    told = [
        (label["choice"] == "left") == (label["left"]["earned"] > label["right"]["earned"])
        for label in labels
        if label["choice"] != "tie" and label["left"]["earned"] != label["right"]["earned"]
    ]
    return sum(told) / len(told) if told else None


def label_of(row: Mapping[str, Any]) -> Label:
    """Return a stored label as the API gives it."""
    sides = {side: Judged.model_validate(row[side]) for side in ("left", "right")}
    return Label.model_validate({**row, **sides, "prompt": row["left"].get("prompt")})


def check_room(connection: Any, run: int, more: int) -> None:
    """Refuse labels beyond those that are kept."""
    total = preferences.count(connection, run)
    if total + more > preferences.MOST:
        rule = _("a run keeps at most {limit} labels, and this one has {total}")
        raise Refused.one(
            "count", more, filled(rule, limit=preferences.MOST, total=total), _("Delete some, or ask for fewer.")
        )


def uniform(*key: object) -> float:
    """Return a number from [0, 1) that follows from the key alone."""
    return int.from_bytes(sha256(repr(key).encode()).digest()[:6]) / 2**48


def _rated(left: dict[str, Any], right: dict[str, Any], place: int, rater: RaterRequest) -> dict[str, Any]:
    more = left["earned"] - right["earned"]
    coin, draw = uniform("errs", rater.seed, place), uniform("chooses", rater.seed, place)
    choice: Choice = "left" if more > 0 else "right" if more < 0 else "tie"
    if coin < rater.error_share:
        choice = "left" if draw < 0.5 else "right"
    elif more and rater.rationality is not None:
        choice = "left" if draw < 1 / (1 + math.exp(-min(max(rater.rationality * more, -500), 500))) else "right"
    return {"left": left, "right": right, "choice": choice, "rater": "simulated"}


def _drawn(
    pieces: Pieces, labels: Sequence[Mapping[str, Any]], place: int
) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Yield the two things of a number, then those of the next ones: what follows the labels before that number."""
    line = lined_up(pieces)
    if not line:
        raise _all_the_same(pieces)
    answers = Counter(_couple_of(label) for label in labels[:place])
    for couple, time in turns(line, answers, place - min(place, len(labels))):
        key = pieces.run, couple, time
        two = pieces.both(couple, [uniform("begins", which, *key) for which in range(2)])
        yield two if uniform("sides", *key) < 0.5 else two[::-1]


def lined_up(pieces: Pieces) -> list[Couple]:
    """Return all pairs that differ in a chance order that follows from the run; of those that look alike one comes first."""
    couples = pieces.couples()
    alike: Counter[Hashable] = Counter()
    ranks: dict[Couple, int] = {}
    for couple in sorted(couples, key=lambda one: uniform("pair", pieces.run, one)):
        ranks[couple] = alike[couples[couple]]
        alike[couples[couple]] += 1
    return sorted(ranks, key=lambda one: ranks[one])


def turns(line: Sequence[Couple], answers: Mapping[Couple, int], ahead: int = 0) -> Iterator[tuple[Couple, int]]:
    """Yield pairs without end, each with how often it was shown before; none again while others have fewer answers.

    Args:
        line: the pairs in the order of a round, not empty.
        answers: how many answers pairs have already.
        ahead: how many to leave out at the start.

    >>> found = turns(["a", "b", "c"], {"a": 1, "c": 1})
    >>> [next(found) for _ in range(5)]
    [('b', 0), ('a', 1), ('b', 1), ('c', 1), ('a', 2)]
    """
    counts = sorted(answers.get(couple, 0) for couple in line)
    time = counts[0]
    while ahead >= (due := bisect_right(counts, time)):
        rounds = ahead // due if due == len(line) else 1
        time, ahead = time + rounds, ahead - rounds * due
    while True:
        yield from [(couple, time) for couple in line if answers.get(couple, 0) <= time][ahead:]
        time, ahead = time + 1, 0


def _couple_of(label: Mapping[str, Any]) -> Couple:
    one, other = sorted((label[side]["step"], label[side]["number"]) for side in ("left", "right"))
    return one, other


def _all_the_same(pieces: Pieces) -> InvalidInput:
    rule, way_out = _("everything that was kept of it is the same"), _("Let it learn a little, then come back.")
    if pieces.is_ended:
        way_out = _("It has ended, so this stays. Judge another run.")
        if pieces.parent is not None:
            way_out = _("It has ended, so this stays. Judge run {parent}, from which it started, or another one.")
    return Refused.one("run", pieces.run, rule, way_out.format(parent=pieces.parent))


def _pieces(playground: Playground, connection: Any, run: int) -> Pieces:
    row = existing(run_rows.get(connection, run), run)
    return Pieces(connection, row, playground.catalog().environments().get(row.environment))


def _found(pieces: Pieces, ref: PieceRef, where: Literal["left", "right"]) -> dict[str, Any]:
    found = pieces.get(ref.step, ref.number, ref.start)
    if found is None:
        raise Missing.one(
            where, f"step {ref.step}, number {ref.number}, start {ref.start}", _("this run kept nothing like it"),
            _("GET /api/v1/runs/{run}/preferences/pair names two.").format(run=pieces.run),
        )  # fmt: skip
    return found


def _same(known: dict[str, Any], label: Mapping[str, Any], key: str | None) -> dict[str, Any]:
    if any(known[name] != label[name] for name in ("left", "right", "choice")):
        rule = _("was used for another label of this run")
        raise InvalidInput.one("Idempotency-Key", key, rule, _("Use a new key for a new label."))
    return known


def _piece(facts: Mapping[str, Any]) -> Piece:
    return Piece.model_validate(cast(Any, facts))


def _line(values: Sequence[Any]) -> str:
    text = io.StringIO()
    csv.writer(text).writerow(_unformed(value) for value in values)
    return text.getvalue()


def _unformed(value: Any) -> Any:
    """A text that a spreadsheet would take for a formula is shown as text."""
    return f"'{value}" if isinstance(value, str) and value[:1] in {"=", "+", "-", "@"} else value
