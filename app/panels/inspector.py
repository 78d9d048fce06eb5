"""The inspector: the last update of a table as an equation with its numbers, what it changed, and the line that did it.

The numbers come from the agent's `trace`, which the loop writes where it computes them; nothing is computed again here.
"""

import inspect
import math
import re
import sys
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from app.core.config import Config
from app.core.specs import AlgorithmSpec, EnvironmentSpec, Frame, Inspector, PanelSpec, Subject
from app.core.text import _
from app.parts.tabular import TabularMDP

DIGITS = 6
SPACE = r"(?:\\[,;:!]|\s)"
NUMERAL = r"\d|\\frac\{[^{}]*\}\{[^{}]*\}"


class InspectorOptions(Config):
    """Nothing to choose."""


def fits(algorithm: AlgorithmSpec, environment: EnvironmentSpec) -> bool:
    """An algorithm that declares its update rule and keeps the numbers of the last one."""
    return algorithm.inspector is not None and "trace" in algorithm.signals


def compute(subject: Subject, options: InspectorOptions) -> Frame:
    """Return a frame without arrays: equation, numbers, transition, change and source line are in its facts."""
    inspector, signals = subject.algorithm.inspector, subject.agent.signals()
    if inspector is None:
        raise ValueError(f"{subject.algorithm.id} declares no inspector")
    trace = [float(number) for number in signals["trace"]()]
    has_update = math.isfinite(trace[inspector.result])
    line, source = source_line(subject.algorithm.config.__module__, inspector.number)
    meta: dict[str, Any] = {
        "algorithm": subject.algorithm.id,
        "equation": inspector.equation,
        "number": inspector.number,
        "backup": inspector.backup,
        "step_unit": subject.algorithm.step_unit,
        "line": line,
        "source": source,
        "has_update": has_update,
        "note": inspector.note(trace) if has_update else _waits(inspector, trace),
        "terms": [{"symbol": term.symbol, "value": _number(trace[term.slot])} for term in inspector.terms],
    }
    if has_update:
        meta |= _change(subject, inspector, trace)
    if "last_transition" in signals and _has_moved(signals):
        meta["transition"] = _transition(subject, [float(number) for number in signals["last_transition"]()])
    return Frame({}, meta)


def _waits(inspector: Inspector, trace: list[float]) -> str:
    words = inspector.waits(trace) if callable(inspector.waits) else inspector.waits
    return words or _("The last step changed no value.")


def with_numbers(equation: str, values: Mapping[str, float], write: Callable[[float], str]) -> str:
    r"""Return the equation with the symbols of its right-hand side replaced by numbers, a dot between two that meet.

    >>> with_numbers(r"q \leftarrow q + \alpha\,(r - q)", {"q": 1.0, r"\alpha": 0.5, "r": -1.0}, write=str)
    'q \\leftarrow 1.0 + 0.5\\,(-1.0 - 1.0)'
    >>> with_numbers(r"y = 2\,s^2 + \frac{1}{2}\,E", {"s": 0.5, "E": 3.0}, write=str)
    'y = 2 \\cdot 0.5^2 + \\frac{1}{2} \\cdot 3.0'
    """
    left, arrow, right = re.split(r"(\\leftarrow|=)", equation, maxsplit=1)
    symbols = sorted(values, key=len, reverse=True)
    pattern = "|".join(_guarded(symbol) for symbol in symbols)
    marked = re.sub(pattern, lambda found: f"\x02{write(values[found.group()])}\x03", right)
    apart = re.sub(rf"\x03{SPACE}*\x02|({NUMERAL}){SPACE}+\x02", r"\1 \\cdot ", marked)
    return left + arrow + apart.replace("\x02", "").replace("\x03", "")


def values_of(inspector: Inspector, trace: list[float]) -> dict[str, float]:
    """Return symbol → number of the last update."""
    return {term.symbol: trace[term.slot] for term in inspector.terms}


@lru_cache(maxsize=256)
def source_line(module: str, number: int, where: str = "") -> tuple[int, str]:
    """Return the number and the text of the line that implements equation `number` in an algorithm's module.

    Where several lines do, each a part of it, `where` is a piece of the one that is meant.
    """
    lines = inspect.getsource(sys.modules[module]).splitlines()
    return next(
        (n, line.strip()) for n, line in enumerate(lines, 1) if line.endswith(f"# ({number})") and where in line
    )


def _change(subject: Subject, inspector: Inspector, trace: list[float]) -> dict[str, Any]:
    state = int(trace[inspector.state])
    action = None if inspector.action is None else int(trace[inspector.action])
    entry = _entry(subject, state, action)
    return {
        "numbers": with_numbers(inspector.equation, values_of(inspector, trace), write=_written),
        "result": _number(trace[inspector.result]),
        "old": _number(trace[inspector.old]),
        "new": _number(trace[inspector.result]),
        "state": state,
        "action": action,
        "entry": entry,
        "about": inspector.about.format(entry=entry) if inspector.about else "",
    }


def _entry(subject: Subject, state: int, action: int | None) -> str:
    """Return the entry of a table in words; where there is one state, its action says all."""
    mdp, name = subject.environment.mdp, _state_name(subject, state)
    if action is None:
        return name
    is_alone = isinstance(mdp, TabularMDP) and mdp.n_states == 1
    return _action_name(subject, action) if is_alone else f"{name} · {_action_name(subject, action)}"


def _has_moved(signals: Mapping[str, Callable[[], Any]]) -> bool:
    """Return whether a step was taken: before the first, `last_transition` holds zeros."""
    return "visits" not in signals or bool(signals["visits"]().any())


def _transition(subject: Subject, last: list[float]) -> dict[str, Any]:
    state, action, reward, next_state, terminated, truncated = last
    return {
        "state": int(state),
        "state_name": _state_name(subject, int(state)),
        "action": int(action),
        "action_name": _action_name(subject, int(action)),
        "reward": _number(reward),
        "next_state": int(next_state),
        "next_name": _state_name(subject, int(next_state)),
        "terminated": bool(terminated),
        "truncated": bool(truncated),
    }


def _state_name(subject: Subject, state: int) -> str:
    mdp = subject.environment.mdp
    return mdp.name_of(state) if isinstance(mdp, TabularMDP) else str(state)


def _action_name(subject: Subject, action: int) -> str:
    names = subject.environment_spec.actions
    return names[action] if action < len(names) else str(action)


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _written(value: float) -> str:
    text = f"{value:.{DIGITS}g}"
    mantissa, _e, exponent = text.partition("e")
    text = rf"{mantissa} \cdot 10^{{{int(exponent)}}}" if exponent else text
    return rf"({text})" if value < 0 or exponent else text


def _guarded(symbol: str) -> str:
    """Return a pattern of the symbol that does not match inside a command or another word."""
    before = r"(?<![A-Za-z\\])" if symbol[0].isalpha() else ""
    after = r"(?![A-Za-z])" if symbol[-1].isalpha() else ""
    return before + re.escape(symbol) + after


SPEC = PanelSpec(
    id="inspector",
    name=_("Inspector"),
    summary=_("Pause, step, and read the update rule with the numbers of that step in it."),
    element="equation-inspector",
    version=1,
    options=InspectorOptions,
    fits=fits,
    compute=compute,
    order=2,
)
