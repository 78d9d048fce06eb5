"""The declarations from which the catalogue, the forms, the pages, the API and the generic tests follow."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np

from app.core.config import Config
from app.core.contracts import Agent, Array, Environment, Problem
from app.core.scalars import Scalar
from app.core.signals import Signal

Family = Literal["planning", "tabular", "value_based", "policy_based", "language"]
StepUnit = Literal["env_step", "sweep", "update"]
Kind = Literal["tabular", "continuous", "language"]
Actions = Literal["numbered", "continuous", "any"]
Backup = Literal[
    "max",
    "sample",
    "expected",
    "td",
    "n_step",
    "episode",
    "full_max",
    "full_policy",
    "full_action",
    "double",
    "gradient",
    "bandit",
]


@dataclass(frozen=True)
class Smoke:
    """A task small enough for the generic tests, on which the algorithm visibly works."""

    environment: str
    total_steps: int
    config: Mapping[str, Any] = field(default_factory=dict)
    environment_config: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Term:
    """One symbol of the inspector's equation and the slot of the last step's trace that holds its number."""

    symbol: str
    slot: int


@dataclass(frozen=True)
class Inspector:
    r"""The update rule to be shown with numbers, and where the agent's `trace` signal holds them.

    The numbers are put in the place of the symbols, so the right-hand side of `equation` may hold only symbols of `terms`,
    numbers, + − · /, `\frac`, `\max`, brackets and spaces.

    Attributes:
        equation: LaTeX, `left \leftarrow right`.
        terms: every symbol on the right-hand side.
        result: slot of the value that the right-hand side gives.
        number: of the equation; its line of code ends in `# (number)`.
        old: slot of the entry's value before, state and action: slots that name the entry (None: not of an action).
        backup: the shape of its backup diagram.
        waits: what to say where the last step made no update; a function of the trace where it depends on that.
        about: a sentence with {entry}: whose update is shown, where that is not the pair of the last step.
        note: `trace → what to know beside its numbers`, where the shown table is not the one that was updated, or not only then.
    """

    equation: str
    terms: tuple[Term, ...]
    result: int
    number: int
    old: int
    state: int = 0
    action: int | None = None
    backup: Backup = "max"
    waits: str | Callable[[Sequence[float]], str] = ""
    about: str = ""
    note: Callable[[Sequence[float]], str] = lambda trace: ""


@dataclass(frozen=True)
class Line:
    r"""One equation of a sample, to be shown with its numbers.

    Attributes:
        equation: LaTeX, `left = right`; the right-hand side may hold only symbols of `terms`, numbers, + − · /, `\frac`,
            `\exp`, `\min`, `\mathrm{clip}`, powers, brackets and spaces.
        terms: (symbol, column) of every symbol on the right-hand side.
        result: the column that the right-hand side gives.
        number: of the equation; its line of code ends in `# (number)`.
        where: a piece of that line, where several end so.
    """

    equation: str
    terms: tuple[tuple[str, str], ...]
    result: str
    number: int
    where: str = ""

    def with_instead(self, piece: str, other: str) -> "Line":
        """Return the line with another piece of LaTeX in the place of this one."""
        terms = tuple((symbol.replace(piece, other), column) for symbol, column in self.terms)
        return replace(self, equation=self.equation.replace(piece, other), terms=terms)


@dataclass(frozen=True)
class Minibatch:
    """A loss to be shown sample by sample, and the columns of the agent's `minibatch` signal that hold its numbers.

    Attributes:
        columns: names of the signal's columns, in its order.
        lines: the equations of one sample, in the order in which they are computed.
        contribution: the column whose mean is the loss.
        loss: LaTeX name of that mean.
        shown: (column, symbol, what it is) of the table.
        without: (setting, piece, other): where an update was made with the setting off, the equations have `other` in the
            place of this piece of LaTeX.
        note: `column → number of one sample`, what to know of it in a sentence.
    """

    columns: tuple[str, ...]
    lines: tuple[Line, ...]
    contribution: str
    loss: str
    shown: tuple[tuple[str, str, str], ...]
    note: Callable[[Mapping[str, float]], str] = lambda row: ""
    without: tuple[tuple[str, str, str], ...] = ()

    def lines_under(self, is_on: Callable[[str], bool]) -> tuple[Line, ...]:
        """Return the equations as they are where `is_on` says of each setting of `without` whether it was on."""
        lines = self.lines
        for setting, piece, other in self.without:
            if not is_on(setting):
                lines = tuple(line.with_instead(piece, other) for line in lines)
        return lines


@dataclass(frozen=True)
class AlgorithmSpec:
    """One algorithm: everything the rest of the application knows about it.

    Attributes:
        needs_model: it plans with the exact model and so fits only environments that have one.
        tabular: it keeps a table and so fits only environments with numbered states.
        actions: the actions it can choose: one of A, or A numbers within bounds, or either.
        emits: names of the scalars it reports beside the shared ones.
        signals: names of the signals it can compute.
        emits_episodes: it acts in the environment; a planner does not.
        default_steps: budget of a run that names none.
        eval_at_most: greedy episodes of an evaluation and of the last one, where choosing an action takes long.
        parent: the algorithm whose file this one repeats and changes, for the coloured difference.
        follows: of a stage of a chain, those whose model it usually starts from, the most usual first.
        references: sources, as `author (year), title, where`.
        check: `(config, environment)` raises InvalidInput for a pair that cannot run, before anything is allocated.
        fits: `environment spec → why it does not fit`, beside what `tabular` and `needs_model` say; empty where it fits.
    """

    id: str
    name: str
    summary: str
    family: Family
    version: int
    config: type[Config]
    agent: Callable[[Any, Problem], Agent]
    smoke: Smoke
    emits: tuple[str, ...]
    signals: tuple[str, ...]
    tabular: bool = False
    needs_model: bool = False
    actions: Actions = "numbered"
    emits_episodes: bool = True
    step_unit: StepUnit = "env_step"
    default_steps: int = 100_000
    eval_at_most: tuple[int, int] | None = None
    inspector: Inspector | None = None
    minibatch: Minibatch | None = None
    parent: str | None = None
    follows: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    check: Callable[[Any, Environment], None] = lambda config, environment: None
    scalars: tuple[Scalar, ...] = ()
    own_signals: tuple[Signal, ...] = ()
    fits: "Callable[[EnvironmentSpec], str]" = lambda environment: ""


@dataclass(frozen=True)
class Axis:
    """One dimension of an observation, for maps over two chosen axes: name, unit, drawn range, value when not on an axis."""

    name: str
    unit: str
    low: float
    high: float
    middle: float = 0.0


@dataclass(frozen=True)
class Reference:
    """A published or exact number, drawn as a dashed line."""

    label: str
    value: float
    source: str


@dataclass(frozen=True)
class EnvironmentSpec:
    """One environment or family.

    Attributes:
        kind: `tabular` has numbered states and an exact model; `continuous` has a physical state; in `language` a state is
            text and an action the next token.
        action_kind: whether an action is one of `actions`, or one number for each of them.
        drawing: the scene that the browser draws from states: `grid`, `cartpole`, `pendulum`, …
        axes: dimensions of a map of values, empty for tabular environments: the observation's, unless `seen` is given.
        seen: `points (B, axes) → observations (B, D)`, where an angle of the map is seen as its cosine and sine.
        placed: the way back, `observations (B, D) → points (B, axes)`.
        shown_axes: the two that a map shows where nothing else is asked for.
        missing: why it cannot be used here, and what to install or change, as a rule and a way out; None where it can.
        threshold: mean return at which it counts as solved with its default options, or None.
        threshold_with: `config → the threshold`, where options change it.
        keys: by which a person plays it, as a keyboard names them: one for each action, `""` for what is done while no key
            is held; of continuous actions two for each number, its lowest and its highest. Empty: digits, or pairs of letters.
        references: `(config) → numbers` drawn as dashed lines on the return.
        success: smallest return of an episode that counts as a success, or None where there is no such thing.
        default_config: used by the first visit's recipe.
    """

    id: str
    name: str
    summary: str
    version: int
    kind: Kind
    config: type[Config]
    make: Callable[[Any], Environment]
    actions: tuple[str, ...]
    drawing: str
    size: str
    threshold: float | None = None
    success: float | None = None
    axes: tuple[Axis, ...] = ()
    references: Callable[[Any], tuple[Reference, ...]] = lambda config: ()
    source: str = ""
    action_kind: Literal["numbered", "continuous"] = "numbered"
    seen: Callable[[Array], Array] = lambda points: points
    placed: Callable[[Array], Array] = lambda observations: observations
    shown_axes: tuple[int, int] = (0, 1)
    missing: Callable[[], tuple[str, str] | None] = lambda: None
    threshold_with: Callable[[Any], float | None] | None = None
    keys: tuple[str, ...] = ()

    def solved_at(self, config: Config) -> float | None:
        """Return the mean return at which the configured environment counts as solved, or None."""
        return self.threshold if self.threshold_with is None else self.threshold_with(config)


@dataclass(frozen=True)
class Frame:
    """What one panel draws at one moment: named float32 arrays and small JSON facts (sizes, labels, printed errors)."""

    arrays: dict[str, Any]
    meta: dict[str, Any]

    @property
    def is_blank(self) -> bool:
        """Whether there is no number to draw."""
        return not any(np.size(array) for array in self.arrays.values())


@dataclass(frozen=True)
class Subject:
    """What a panel draws: an agent of an algorithm, in an environment."""

    agent: Agent
    algorithm: AlgorithmSpec
    environment_spec: EnvironmentSpec
    environment: Environment


@dataclass(frozen=True)
class PanelSpec:
    """One picture.

    Attributes:
        element: name of the drawing element in `static/js/elements/`.
        options: what a viewer may choose (axes, fixed dimensions); empty Config where nothing.
        fits: whether the panel can draw this algorithm on this environment.
        compute: `(subject, options) → Frame`.
        history: stored at the history steps, so that a past moment can be drawn.
        on_request: too dear for the training: only drawn from stored weights, by an idle worker, when somebody asks.
        at_end: drawn once by the training all the same, and stored, when the run has ended.
    """

    id: str
    name: str
    summary: str
    element: str
    version: int
    options: type[Config]
    fits: Callable[[AlgorithmSpec, EnvironmentSpec], bool]
    compute: Callable[[Subject, Any], Frame]
    history: bool = True
    order: int = 0
    on_request: bool = False
    at_end: bool = False
