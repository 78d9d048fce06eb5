"""The Play page's recipe: what its address or its form asks for, checked, with everything the page shows of it.

The address names only what differs from the preset. The form carries `shown`, the choice it was made for, so that
values typed for one algorithm are dropped when another is chosen.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any
from urllib.parse import urlencode

from pydantic import ValidationError

from app.core import refusals
from app.core.errors import InvalidInput, Violation, shorten
from app.core.specs import AlgorithmSpec, EnvironmentSpec
from app.core.text import _
from app.protocol.base import PATTERNS
from app.protocol.runs import RunCreate
from app.web import forms, roadmap, views
from app.web.editor import Editor, editor_of
from app.web.forms import Field
from app.web.rendering import number
from app.web.scenes import Scene, scene_of
from app.web.world_facts import Dynamics, dynamics_of, size_of

FIRST_ENVIRONMENT, FIRST_ALGORITHM = "gridworld", "q_learning"
BASE, DEFAULTS = "tuned", "defaults"
LAYOUT = "environment_config.layout"
SHORT = {LAYOUT: "layout"}  # what an address calls it: a drawing is what one shares most


@dataclass(frozen=True)
class Card:
    """One environment or algorithm to choose; `reason` says why it cannot be chosen now."""

    id: str
    name: str
    summary: str
    note: str = ""
    reason: str = ""
    is_chosen: bool = False
    scene: Scene | None = None


@dataclass(frozen=True)
class Group:
    """The algorithms of one station of the roadmap, and why some of them cannot be chosen now."""

    id: str
    title: str
    question: str
    cards: list[Card]
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class PresetChoice:
    """One base of the hyperparameters."""

    id: str
    label: str
    summary: str
    source: str
    is_chosen: bool


@dataclass(frozen=True)
class RecipeView:
    """Everything the Play page shows."""

    environments: list[Card]
    absent: list[tuple[EnvironmentSpec, str, str]]
    stations: list[Group]
    presets: list[PresetChoice]
    preset: PresetChoice
    algorithm: AlgorithmSpec
    environment: EnvironmentSpec
    scene: Scene
    size: str
    dynamics: Dynamics | None
    editor: Editor | None
    world: list[Field]
    basic: list[Field]
    advanced: list[Field]
    total_steps: Field
    seed: Field
    speed: Field
    name: str
    notice: str
    errors: list[str]
    shown: str
    url: str
    request: dict[str, Any]


@dataclass(frozen=True)
class Choice:
    """What was asked for, before it is checked."""

    environment: EnvironmentSpec
    algorithm: AlgorithmSpec
    preset: str
    base: dict[str, Any]
    base_world: dict[str, Any]
    base_steps: int
    config: dict[str, Any]
    world: dict[str, Any]
    total_steps: Any
    seed: Any
    speed: float | None
    name: str
    notice: str

    @property
    def shown(self) -> str:
        """Return the mark of this choice, which the form carries."""
        return f"{self.environment.id}|{self.algorithm.id}|{self.preset}"

    def request(self) -> dict[str, Any]:
        """Return the body of POST /api/v1/runs."""
        body: dict[str, Any] = {"algorithm": self.algorithm.id, "environment": self.environment.id}
        changed = forms.differences({**self.base, **self.config}, self.base)
        if self.preset == DEFAULTS:
            changed = {**self.base, **self.config}
        elif self.preset != BASE:
            body["preset"] = self.preset
        world = forms.differences(self.world, self.base_world)
        optional = {"config": changed, "environment_config": world, "name": self.name}
        body |= {key: value for key, value in optional.items() if value}
        if self.total_steps is not None and self.total_steps != self.base_steps:
            body["total_steps"] = self.total_steps
        body["seed"] = self.seed
        return body if self.speed is None else body | {"speed": self.speed}

    def url(self) -> str:
        """Return the address that shows this recipe again."""
        asked = {"environment": self.environment.id, "algorithm": self.algorithm.id}
        if self.preset not in (BASE, DEFAULTS) or (self.preset == DEFAULTS and self.base_is_a_choice):
            asked["preset"] = self.preset
        for prefix, changed in (
            ("config", forms.differences(self.config, self.base)),
            ("environment_config", forms.differences(self.world, self.base_world)),
        ):
            named = {f"{prefix}.{key}": forms.show(value) for key, value in changed.items()}
            asked |= {SHORT.get(name, name): value for name, value in named.items()}
        if self.total_steps is not None and self.total_steps != self.base_steps:
            asked["total_steps"] = forms.show(self.total_steps)
        if self.seed:
            asked["seed"] = forms.show(self.seed)
        if self.name:
            asked["name"] = self.name
        if self.speed != views.watchable_speed(self.algorithm, self.base_steps):
            asked["speed"] = views.speed_word(self.speed)
        return f"/?{urlencode(asked)}"

    base_is_a_choice: bool = False


def read(catalog: ModuleType, form: Mapping[str, str]) -> Choice:
    """Return the recipe that an address or a form asks for; what it leaves open is filled in."""
    form = {LAYOUT: form["layout"], **form} if "layout" in form else form
    environment, unknown = _environment(catalog, form.get("environment", ""))
    algorithm, unfit = _algorithm(catalog, environment, form.get("algorithm", ""))
    named = catalog.presets_for(algorithm.id, environment.id)
    asked = form.get("preset", "")
    preset = asked if asked in named or asked == DEFAULTS else BASE if BASE in named else DEFAULTS
    marks = f"{environment.id}|{algorithm.id}|{preset}".split("|")
    before = form.get("shown", "|".join(marks)).split("|")
    if before[:2] != marks[:2] and asked not in named:
        preset = BASE if BASE in named else DEFAULTS
    chosen = named.get(preset)
    base = {**algorithm.config().model_dump(mode="json"), **(dict(chosen.config) if chosen else {})}
    base_world = {**environment.config().model_dump(mode="json"), **(dict(chosen.environment_config) if chosen else {})}
    is_same = before == [environment.id, algorithm.id, preset]
    is_same_world = before[0] == environment.id and (is_same or not (chosen and chosen.environment_config))
    base_steps = chosen.total_steps if chosen else algorithm.default_steps
    speeds = {views.speed_word(speed): speed for speed in views.SPEEDS}
    return Choice(
        environment=environment,
        algorithm=algorithm,
        preset=preset,
        base=base,
        base_world=base_world,
        base_steps=base_steps,
        config=forms.parse(algorithm.config, form, base=base) if is_same else {},
        world=forms.parse(environment.config, form, "environment_config", base_world) if is_same_world else {},
        total_steps=forms.whole(form, "total_steps") if is_same else None,
        seed=forms.whole(form, "seed") or 0,
        speed=speeds.get(form.get("speed", "") if is_same else "", views.watchable_speed(algorithm, base_steps)),
        name=form.get("name", "").strip()[:200],
        notice=" ".join(
            text for text in (unknown, unfit, _other_preset(asked, named, before[:2] != marks[:2])) if text
        ),
        base_is_a_choice=BASE in named,
    )


def check(catalog: ModuleType, choice: Choice) -> tuple[Violation, ...]:
    """Return every refused value of a recipe."""
    body = choice.request()
    found: list[Violation] = []
    try:
        catalog.resolve(
            choice.algorithm.id,
            choice.environment.id,
            config=body.get("config"),
            environment_config=body.get("environment_config"),
            preset=body.get("preset"),
            total_steps=body.get("total_steps"),
            seed=body["seed"],
        )
    except InvalidInput as error:
        found.extend(error.violations)
    try:
        RunCreate.model_validate(body)
    except ValidationError as error:
        known = {item.where for item in found}
        found.extend(item for item in of_model(error) if item.where not in known)
    return tuple(found)


def view(catalog: ModuleType, choice: Choice, violations: tuple[Violation, ...] = ()) -> RecipeView:
    """Return what the page shows of a recipe."""
    config = {**choice.base, **choice.config}
    world = {**choice.base_world, **choice.world}
    inputs = forms.fields(choice.algorithm.config, config, base=choice.base, violations=violations)
    worlds = forms.fields(
        choice.environment.config, world, prefix="environment_config", base=choice.base_world, violations=violations
    )
    errors = forms.violations_of(InvalidInput(violations))
    shown = {field.name for field in (*inputs, *worlds)} | {"total_steps", "seed"}
    presets = _presets(catalog, choice)
    return RecipeView(
        environments=[_world_card(spec, choice) for spec in roadmap.worlds(catalog.environments())],
        absent=list(catalog.absent().values()),
        stations=_stations(catalog, choice),
        presets=presets,
        preset=next(preset for preset in presets if preset.is_chosen),
        algorithm=choice.algorithm,
        environment=choice.environment,
        scene=(scene := scene_of(choice.environment, world)),
        size=size_of(choice.environment, scene),
        dynamics=dynamics_of(choice.environment, world),
        editor=editor_of(choice.environment.id, world, config),
        world=worlds,
        basic=[field for field in inputs if not field.is_advanced],
        advanced=[field for field in inputs if field.is_advanced],
        total_steps=_budget(choice, errors.get("total_steps", "")),
        seed=_seed(choice, errors.get("seed", "")),
        speed=_speed(choice),
        name=choice.name,
        notice=choice.notice,
        errors=[str(item) for item in violations if item.where not in shown],
        shown=choice.shown,
        url=choice.url(),
        request=choice.request(),
    )


def turned(choice: Choice, form: Mapping[str, str]) -> str:
    """Return why the recipe read from a form is not the one that the form showed; empty where it is."""
    if choice.notice or form.get("shown", choice.shown) == choice.shown:
        return choice.notice
    return _("The choice has changed, and with it the values: look at them, then press Start again.")


def _environment(catalog: ModuleType, name: str) -> tuple[EnvironmentSpec, str]:
    known: dict[str, EnvironmentSpec] = catalog.environments()
    if name in known:
        return known[name], ""
    chosen = known.get(FIRST_ENVIRONMENT) or next(iter(known.values()))
    if name in catalog.absent():
        spec, rule, way_out = catalog.absent()[name]
        return chosen, f"{spec.name} {rule}. {way_out}"
    return chosen, _unknown(_("environment"), name, chosen.name)


def _unknown(kind: str, name: str, chosen: str) -> str:
    if not name:
        return ""
    return _("There is no {kind} “{name}”; {chosen} is chosen instead.").format(
        kind=kind, name=shorten(name), chosen=chosen
    )


def _other_preset(asked: str, named: Mapping[str, Any], has_other_pair: bool) -> str:
    """Return a notice for an unknown preset; one left over from the pair chosen before is dropped without a word."""
    if has_other_pair or asked in ("", BASE, DEFAULTS, *named):
        return ""
    return _unknown(_("preset"), asked, BASE if BASE in named else DEFAULTS)


def _algorithm(catalog: ModuleType, environment: EnvironmentSpec, name: str) -> tuple[AlgorithmSpec, str]:
    known: dict[str, AlgorithmSpec] = catalog.algorithms()
    wanted = known.get(name)
    reason = catalog.misfit(wanted, environment) if wanted else ""
    if wanted and not reason:
        return wanted, ""
    fitting = [spec for spec in known.values() if not catalog.misfit(spec, environment)]
    tuned = [spec for spec in fitting if catalog.presets_for(spec.id, environment.id)]
    chosen = next((spec for spec in fitting if spec.id == FIRST_ALGORITHM), (tuned or fitting)[-1])
    if not reason:
        return chosen, _unknown(_("algorithm"), name, chosen.name)
    return chosen, _("{reason} {name} is chosen instead.").format(reason=reason, name=chosen.name)


def _world_card(spec: EnvironmentSpec, choice: Choice) -> Card:
    scene = scene_of(spec, {**choice.base_world, **choice.world} if spec is choice.environment else {})
    known = [f"{item.label} {number(item.value, 3)}" for item in scene.references[:1]]
    if not known and scene.threshold is not None:
        known = [_("solved at {value}").format(value=number(scene.threshold))]
    note = " · ".join([size_of(spec, scene) if spec is choice.environment else spec.size, *known])
    return Card(spec.id, spec.name, spec.summary, note, is_chosen=spec is choice.environment, scene=scene)


def _stations(catalog: ModuleType, choice: Choice) -> list[Group]:
    groups = []
    for station, stops in roadmap.stations(catalog):
        cards = [
            Card(
                stop.spec.id,
                stop.spec.name,
                stop.spec.summary,
                reason=catalog.misfit(stop.spec, choice.environment),
                is_chosen=stop.spec is choice.algorithm,
            )
            for stop in stops
        ]
        reasons = tuple(dict.fromkeys(card.reason for card in cards if card.reason))
        groups.append(Group(station.id, station.title, station.question, cards, reasons))
    return groups


def _presets(catalog: ModuleType, choice: Choice) -> list[PresetChoice]:
    named = catalog.presets_for(choice.algorithm.id, choice.environment.id)
    found = [
        PresetChoice(name, name, preset.summary, preset.source, name == choice.preset) for name, preset in named.items()
    ]
    plain = PresetChoice(
        DEFAULTS, _("defaults"), _("The values the algorithm declares."), "", choice.preset == DEFAULTS
    )
    return [*found, plain]


def _budget(choice: Choice, error: str) -> Field:
    units = {"env_step": _("env steps"), "sweep": _("sweeps"), "update": _("updates")}
    value = choice.base_steps if choice.total_steps is None else choice.total_steps
    return Field(
        name="total_steps",
        key="total_steps",
        label=_("Budget"),
        kind="whole",
        value=forms.show(value),
        default=forms.show(choice.base_steps),
        unit=units[choice.algorithm.step_unit],
        help=_("How long it trains; the run can be stopped at any time."),
        low=1,
        is_changed=value != choice.base_steps,
        error=error,
    )


def _speed(choice: Choice) -> Field:
    units = {"env_step": _("steps/s"), "sweep": _("sweeps/s"), "update": _("updates/s")}
    usual = views.watchable_speed(choice.algorithm, choice.base_steps)
    return Field(
        name="speed",
        key="speed",
        label=_("Speed"),
        kind="choice",
        value=views.speed_word(choice.speed),
        default=views.speed_word(usual),
        unit=units[choice.algorithm.step_unit],
        help=_("Slow enough to watch; it can be changed while the run goes on."),
        choices=tuple(views.speed_word(speed) for speed in views.SPEEDS),
        is_changed=choice.speed != usual,
    )


def _seed(choice: Choice, error: str) -> Field:
    return Field(
        name="seed",
        key="seed",
        label=_("Seed"),
        kind="whole",
        value=forms.show(choice.seed),
        default="0",
        help=_("The same seed gives the same curve, bit for bit."),
        low=0,
        is_changed=bool(choice.seed),
        error=error,
    )


def of_model(error: ValidationError) -> tuple[Violation, ...]:
    """Return the refused values of a model of the protocol."""
    return refusals.violations(error, "recipe", PATTERNS)
