"""What the pages of runs show: a run with its words, controls, pictures and curves; rows of the list; a comparison."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Literal

from app.core.errors import PlaygroundError, shorten
from app.core.scalars import Scalar
from app.core.specs import AlgorithmSpec, EnvironmentSpec
from app.core.text import _
from app.protocol.runs import TERMINAL, Run
from app.web import forms
from app.web.forms import Field
from app.web.pictures import Picture, pictures
from app.web.rendering import moment, steps
from app.web.scenes import Scene, scene_of

WATCH_S = 60  # how long a run of a table should take to be watched
# Positions of the speed slider, in steps a second; None is full speed.
SPEEDS: tuple[float | None, ...] = (1, 2, 5, 10, 25, 50, 100, 250, 1_000, 10_000, 100_000, None)
RETURNS = ("rollout/episode_return", "rollout/ep_rew_mean", "eval/mean_reward", "tabular/greedy_return",
           "tabular/behaviour_return")  # fmt: skip
EPISODES = ("rollout/episode_return", "rollout/episode_length", "rollout/ep_rew_mean", "rollout/ep_len_mean",
            "rollout/terminated_share")  # fmt: skip
EVALUATION = ("eval/mean_reward", "eval/std_reward", "eval/mean_ep_length")
LEADS = ("rollout/episode_return", "eval/mean_reward", "tabular/value_error_max", "eval/success_rate",
         "rollout/episode_length", "tabular/max_bellman_residual", "tabular/greedy_return")  # fmt: skip
PLANNED_LEADS = ("tabular/greedy_return", "tabular/value_error_max", "tabular/max_bellman_residual")  # exact numbers
STAGE_LEADS = (  # of a stage of a language model
    "eval/accuracy", "objective/true_reward", "eval/mean_reward", "eval/success_rate", "train/loss",
)  # fmt: skip
MAX_LEADS = 3
# The scalar that says what a hyperparameter is worth at a moment, where a schedule or the agent itself moves it.
IN_FORCE = {
    "alpha": "tabular/alpha",
    "epsilon": "tabular/epsilon",
    "exploration_final_eps": "rollout/exploration_rate",
    "learning_rate": "train/learning_rate",
    "clip_range": "train/clip_range",
    "ent_coef": "train/ent_coef",
    "beta": "train/beta",
}
GROUPS = {
    "tabular": _("Tables against the truth"),
    "bandit": _("Arms"),
    "train": _("Training"),
    "scales": _("Training: schedules and scales"),
    "model": _("What was learned of the world"),
    "eval": _("Evaluation"),
    "rollout": _("Episodes"),
    "buffer": _("Replay buffer"),
    "objective": _("Objective"),
    "completions": _("Completions"),
    "policy": _("Step of the policy"),
    "val": _("Ratio"),
    "rewards": _("Implicit rewards"),
    "logps": _("Log-probabilities"),
    "time": _("Speed"),
}
# What follows a schedule, or says on which scale the others are: looked up when something is odd.
SCALES = {
    f"train/{name}"
    for name in (
        "learning_rate", "clip_range", "epochs_run", "grad_norm", "advantage_mean", "advantage_std", "beta", "weight_max",
    )
}  # fmt: skip
STEP_WORDS = {"env_step": _("step"), "sweep": _("sweep"), "update": _("step")}
DRAWN = ("layout", "rewards")  # options of a world that hold a drawing
UNITS = {"env_step": _("steps"), "sweep": _("sweeps"), "update": _("updates")}


@dataclass(frozen=True)
class RunView:
    """A run as its page shows it; specs are None where the catalogue no longer knows the name."""

    run: Run
    title: str
    algorithm: AlgorithmSpec | None
    environment: EnvironmentSpec | None
    unit: str
    pictures: list[Picture]
    leads: list[Scalar]
    groups: list[tuple[str, list[Scalar]]]
    references: list[dict[str, Any]]
    scene: Scene | None

    @property
    def is_ended(self) -> bool:
        """Whether the run never changes again."""
        return self.run.state in TERMINAL

    @property
    def can_pause(self) -> bool:
        """Whether Pause makes sense."""
        return self.run.state in {"queued", "starting", "running"}

    @property
    def can_resume(self) -> bool:
        """Whether Resume makes sense."""
        return self.run.state in {"paused", "pausing"}

    @property
    def can_step(self) -> bool:
        """Whether a single step makes sense."""
        return self.run.state == "paused"

    @property
    def moves_by(self) -> int:
        """How many steps it takes at once: its environments step together."""
        together = self.run.config.get("n_envs")
        return together if isinstance(together, int) else 1

    @property
    def can_stop(self) -> bool:
        """Whether Stop makes sense."""
        return not self.is_ended and self.run.state != "stopping"

    def alarming(self, scalars: Sequence[Scalar]) -> list[Scalar]:
        """Return the curves whose newest value is a pathology."""
        latest = self.run.latest
        return [scalar for scalar in scalars if scalar.alarm and scalar.alarm.is_beyond(latest.get(scalar.name))]

    @property
    def speed_position(self) -> int:
        """Where the speed slider stands."""
        return position_of(self.run.speed)

    @property
    def speed_text(self) -> str:
        """The speed in words."""
        return speed_text(self.run.speed, self.unit)


def view(catalog: ModuleType, run: Run, known_series: Sequence[str] = ()) -> RunView:
    """Return what the page of a run shows.

    Args:
        catalog: the specs.
        run: as the API gives it.
        known_series: scalars that already have points, for runs of an older SPEC.
    """
    algorithm = catalog.algorithms().get(run.algorithm)
    environment = catalog.environments().get(run.environment)
    dictionary: Mapping[str, Scalar] = catalog.scalars()
    names = expected_scalars(algorithm, environment, dictionary) if algorithm else []
    names += [name for name in known_series if name not in names]
    curves = [(dictionary.get(name) or Scalar(name, name, "", "neither", "")).of_run(run.config) for name in names]
    fits = catalog.panels_for(algorithm, environment) if algorithm and environment else []
    return RunView(
        run=run,
        title=run.name or name_of(run, algorithm, environment),
        algorithm=algorithm,
        environment=environment,
        unit=UNITS.get(run.step_unit, run.step_unit),
        pictures=pictures(fits, algorithm, run),
        leads=_leads(curves, lead_names(algorithm)),
        groups=_grouped(curves),
        references=references(environment, run.environment_config),
        scene=scene_of(environment, run.environment_config) if environment else None,
    )


def lead_names(algorithm: AlgorithmSpec | None) -> tuple[str, ...]:
    """Return the scalars that may stand above all others, the most telling first."""
    if algorithm is not None and algorithm.family == "language":
        return STAGE_LEADS  # the completions of an update all end at once: episodes would draw a comb
    return LEADS if algorithm is None or algorithm.emits_episodes else PLANNED_LEADS


def expected_scalars(
    algorithm: AlgorithmSpec, environment: EnvironmentSpec | None, dictionary: Mapping[str, Scalar]
) -> list[str]:
    """Return the scalars that a run of this kind will report."""
    others = {"numbered", "continuous"} - {environment.action_kind} if environment is not None else set()
    names = list(EPISODES) if algorithm.emits_episodes else []
    names += EVALUATION
    if environment is not None and environment.success is not None:
        names.append("eval/success_rate")
    names += [name for name in algorithm.emits if name not in names and dictionary[name].action_kind not in others]
    return [*names, "time/fps"]


def world_words(
    environment: EnvironmentSpec | None, options: Mapping[str, Any], started: Mapping[str, Any] | None = None
) -> str:
    """Return the options that are not the environment's own defaults, in words; empty where all are.

    What was drawn is named, not written out; where it is no longer as the run `started`, it is a changed world.
    """
    if environment is None:
        return ""
    usual = environment.config().model_dump(mode="json")
    found = {name: value for name, value in options.items() if usual.get(name, value) != value}
    is_changed = started is not None and any(started.get(name) != options.get(name) for name in DRAWN)
    is_drawn = any(name in found for name in DRAWN)
    drawn = [_("changed world")] if is_changed else [_("drawn world")] if is_drawn else []
    others = [f"{name.replace('_', ' ')} {shorten(value)}" for name, value in found.items() if name not in DRAWN]
    return ", ".join([*drawn, *others])


def references(environment: EnvironmentSpec | None, options: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the dashed lines of the return: known numbers and the threshold."""
    if environment is None:
        return []
    try:
        config = environment.config.parse(dict(options), "environment_config")
        found = [{"label": item.label, "value": item.value} for item in environment.references(config)]
        solved_at = environment.solved_at(config)
    except PlaygroundError:
        found, solved_at = [], environment.threshold
    if solved_at is not None and all(item["value"] != solved_at for item in found):
        found.append({"label": _("Solved"), "value": solved_at})
    return found


def name_of(run: Run, algorithm: AlgorithmSpec | None, environment: EnvironmentSpec | None) -> str:
    """Return what a run without a name is called."""
    return _("{algorithm} on {environment}").format(
        algorithm=algorithm.name if algorithm else run.algorithm,
        environment=environment.name if environment else run.environment,
    )


def edit_fields(view_: RunView, values: Mapping[str, Any] | None = None, violations: Sequence[Any] = ()) -> list[Field]:
    """Return the inputs of the hyperparameters that may change while the run goes on."""
    if view_.algorithm is None:
        return []
    shown = {**view_.run.config, **(values or {})}
    found = forms.fields(view_.algorithm.config, shown, base=view_.run.config, violations=violations)
    return [field for field in found if field.live]


def in_force(view_: RunView) -> dict[str, dict[str, Any]]:
    """Return {hyperparameter: scalar that says its value at a moment, its configured value, its newest value}."""
    emitted = () if view_.algorithm is None else view_.algorithm.emits
    run = view_.run
    return {
        key: {"scalar": name, "configured": run.config[key], "newest": run.latest.get(name)}
        for key, name in IN_FORCE.items()
        if key in run.config and name in emitted
    }


def step_units(view_: RunView) -> list[tuple[str, str]]:
    """Return what a paused run can go on by: (unit, its word)."""
    algorithm, step = view_.algorithm, ("step", STEP_WORDS.get(view_.run.step_unit, _("step")))
    if algorithm is not None and not algorithm.emits_episodes:
        improves = "tabular/policy_changes" in algorithm.emits
        return [step, ("update", _("improvement"))] if improves else [step]
    return [step, ("update", _("update")), ("episode", _("episode"))]


def labelled(kept: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return checkpoints with a label that no other of them has: step and kind, and the time where two agree in these."""
    words = [f"{_('step {step}').format(step=steps(item['step']))} · {item['kind'].replace('_', ' ')}" for item in kept]
    times = [f"{word} · {moment(item['created'])[-8:]}" for word, item in zip(words, kept, strict=True)]
    labels = [time if words.count(word) > 1 else word for word, time in zip(words, times, strict=True)]
    return [
        {**item, "label": f"{label} · {item['id']}" if labels.count(label) > 1 else label}
        for item, label in zip(kept, labels, strict=True)
    ]


def speed_word(speed: float | None) -> str:
    """Return a speed as the address and the forms write it."""
    return _("full") if speed is None else f"{speed:g}"


def watchable_speed(algorithm: AlgorithmSpec, budget: int) -> float | None:
    """Return the speed at which a run of this budget can be followed by eye; networks are slow enough by themselves."""
    if not algorithm.tabular and not algorithm.needs_model:
        return None
    wanted = 10.0 if algorithm.step_unit == "sweep" else budget / WATCH_S
    return SPEEDS[position_of(wanted)]


def position_of(speed: float | None) -> int:
    """Return the slider's position nearest to a speed."""
    last = len(SPEEDS) - 1
    if speed is None:
        return last
    return min(range(last), key=lambda index: abs((SPEEDS[index] or 0) - speed) / (SPEEDS[index] or 1))


def speed_text(speed: float | None, unit: str) -> str:
    """Return a speed in words."""
    return (
        _("full speed")
        if speed is None
        else f"{speed:,.0f} {unit}/s".replace(",", "\u202f")
        if speed >= 10
        else f"{speed:g} {unit}/s"
    )


@dataclass(frozen=True)
class Row:
    """One run of the list."""

    run: Run
    title: str
    algorithm: str
    environment: str
    score: float | None
    score_of: str
    unit: str


def row(catalog: ModuleType | None, run: Run) -> Row:
    """Return a run as the list shows it; the score is the mean training return, of what acts in no environment the last evaluation.

    Without a catalogue, which loads for seconds, ids stand for names.
    """
    algorithm = catalog.algorithms().get(run.algorithm) if catalog else None
    environment = catalog.environments().get(run.environment) if catalog else None
    score_of = "rollout/ep_rew_mean" if run.step_unit == "env_step" else "eval/mean_reward"
    return Row(
        run=run,
        title=run.name or name_of(run, algorithm, environment),
        algorithm=algorithm.name if algorithm else run.algorithm,
        environment=environment.name if environment else run.environment,
        score=run.latest.get(score_of),
        score_of=score_of,
        unit=UNITS.get(run.step_unit, run.step_unit),
    )


def choices(
    catalog: ModuleType | None, kind: Literal["algorithm", "environment"], rows: Sequence[Row], chosen: str | None
) -> list[tuple[str, str]]:
    """Return the (id, name) a list may be filtered by: of the catalogue, else of the rows and of the filter itself."""
    if catalog is not None:
        specs = catalog.algorithms() if kind == "algorithm" else catalog.environments()
        return [(spec.id, spec.name) for spec in specs.values()]
    ids = {getattr(row.run, kind) for row in rows} | ({chosen} if chosen else set())
    return [(id, id) for id in sorted(ids)]


@dataclass(frozen=True)
class Difference:
    """One value of the compared runs' configurations; `values` are in the order of the runs."""

    name: str
    values: list[Any]
    is_different: bool


def differences(runs: Sequence[Run]) -> list[Difference]:
    """Return every named value of several runs, those that differ first."""
    tables = [_flat(run) for run in runs]
    names = list(dict.fromkeys(name for table in tables for name in table))
    found = [
        Difference(name, values := [table.get(name) for table in tables], any(value != values[0] for value in values))
        for name in names
    ]
    return sorted(found, key=lambda item: not item.is_different)


def _flat(run: Run) -> dict[str, Any]:
    facts = {name: getattr(run, name) for name in ("algorithm", "environment", "seed", "total_steps")}
    facts |= {f"config.{name}": value for name, value in run.config.items()}
    return facts | {f"environment_config.{name}": value for name, value in run.environment_config.items()}


def _leads(curves: Sequence[Scalar], names: Sequence[str]) -> list[Scalar]:
    by_name = {scalar.name: scalar for scalar in curves}
    return [by_name[name] for name in names if name in by_name][:MAX_LEADS]


def _grouped(curves: Sequence[Scalar]) -> list[tuple[str, list[Scalar]]]:
    groups: dict[str, list[Scalar]] = {name: [] for name in GROUPS}
    for scalar in curves:
        group = "scales" if scalar.name in SCALES else scalar.name.split("/")[0]
        groups.setdefault(group, []).append(scalar)
    return [(GROUPS.get(name, name), members) for name, members in groups.items() if members]
