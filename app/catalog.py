# house: parameters: a request has one field per thing a user may choose
"""The catalogue: finds every SPEC and preset, checks them against each other, and resolves what a user asked for.

This is the only module that discovers: adding an algorithm, an environment, a panel or a preset is one new file.
"""

import difflib
import importlib
import pkgutil
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

from app import algorithms as algorithms_package
from app import environments as environments_package
from app import panels as panels_package
from app.core import scalars as scalar_dictionary
from app.core import signals as signal_dictionary
from app.core.contracts import Agent, Environment, Problem, Tree
from app.core.errors import InvalidInput, UnknownName, Violation, shorten
from app.core.specs import AlgorithmSpec, EnvironmentSpec, PanelSpec
from app.core.studies import Expectation, Study, StudyStage
from app.core.text import _, filled
from app.parts.kept_steps import check_kept

PRESETS = Path(__file__).parent / "presets"
STUDIES = Path(__file__).parent / "recipes"
MAX_STEPS = 1_000_000_000
MAX_SEED = 2**53 - 1
BASE_PRESET = "tuned"
ORDER = ("tabular", "continuous", "language")
NO_SUCH = {
    "algorithm": _("no such algorithm"),
    "environment": _("no such environment"),
    "panel": _("no such panel"),
}

Spec = TypeVar("Spec", AlgorithmSpec, EnvironmentSpec, PanelSpec)


class CatalogueError(Exception):
    """A SPEC or a preset that contradicts another or the dictionaries: a bug of ours, found at start."""


@dataclass(frozen=True)
class Preset:
    """Settings from a source, for one algorithm on one environment."""

    algorithm: str
    environment: str
    name: str
    summary: str
    source: str
    total_steps: int
    config: Mapping[str, Any] = field(default_factory=dict)
    environment_config: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Recipe:
    """A fully resolved request: every hyperparameter is there, everything was checked."""

    algorithm: str
    environment: str
    environment_config: dict[str, Any]
    preset: str | None
    config: dict[str, Any]
    total_steps: int
    seed: int

    def as_dict(self) -> dict[str, Any]:
        """Return the recipe as JSON-ready values."""
        return asdict(self)


@cache
def studies() -> dict[str, Study]:
    """Return the recipes of studies by id."""
    return {path.stem: _read_study(path) for path in sorted(STUDIES.glob("*.toml"))}


@cache
def algorithms() -> dict[str, AlgorithmSpec]:
    """Return every algorithm by id, in the order of the roadmap."""
    order = {"planning": 0, "tabular": 1, "value_based": 2, "policy_based": 3, "language": 4}
    specs = _unique(_specs(algorithms_package, AlgorithmSpec))
    for spec in specs.values():
        unknown = set(spec.emits) - scalar_dictionary.DICTIONARY.keys() - {scalar.name for scalar in spec.scalars}
        unknown |= (
            set(spec.signals) - signal_dictionary.DICTIONARY.keys() - {signal.name for signal in spec.own_signals}
        )
        if unknown:
            raise CatalogueError(f"{spec.id} emits names no dictionary explains: {sorted(unknown)}")
    return dict(sorted(specs.items(), key=lambda item: (order[item[1].family], item[0])))


@cache
def environments() -> dict[str, EnvironmentSpec]:
    """Return every environment that can be used here by id, the exact ones first."""
    return {name: spec for name, spec in _declared_environments().items() if name not in absent()}


@cache
def absent() -> dict[str, tuple[EnvironmentSpec, str, str]]:
    """Return every environment that cannot be used here by id, with the reason and the way out."""
    reasons = {name: (spec, spec.missing()) for name, spec in _declared_environments().items()}
    return {name: (spec, *reason) for name, (spec, reason) in reasons.items() if reason}


@cache
def _declared_environments() -> dict[str, EnvironmentSpec]:
    specs = _unique(_specs(environments_package, EnvironmentSpec))
    clash = specs.keys() & algorithms().keys()
    if clash:
        raise CatalogueError(f"names used by an algorithm and an environment: {sorted(clash)}")
    return dict(sorted(specs.items(), key=lambda item: (ORDER.index(item[1].kind), item[0] == "gridworld", item[0])))


@cache
def panels() -> dict[str, PanelSpec]:
    """Return every panel by id, in drawing order."""
    specs = _unique(_specs(panels_package, PanelSpec))
    return dict(sorted(specs.items(), key=lambda item: (item[1].order, item[0])))


@cache
def presets() -> dict[tuple[str, str], dict[str, Preset]]:
    """Return the presets of each (algorithm, environment) by name; the base preset first."""
    found: dict[tuple[str, str], dict[str, Preset]] = {}
    for path in sorted(PRESETS.glob("*.toml"), key=lambda path: (path.stem.split("--")[-1] != BASE_PRESET, path.stem)):
        preset = _read_preset(path)
        found.setdefault((preset.algorithm, preset.environment), {})[preset.name] = preset
    return found


def algorithm(name: str) -> AlgorithmSpec:
    """Return an algorithm; raises `UnknownName` with the nearest known names."""
    return _lookup("algorithm", name, algorithms())


def environment(name: str) -> EnvironmentSpec:
    """Return an environment; raises `UnknownName` with the nearest known names, or with what to install for it."""
    if name in absent():
        _spec, rule, way_out = absent()[name]
        raise UnknownName([Violation("environment", name, rule, way_out)])
    return _lookup("environment", name, _declared_environments())


_environment = environment  # where an argument has its name


def panel(name: str) -> PanelSpec:
    """Return a panel; raises `UnknownName` with the nearest known names."""
    return _lookup("panel", name, panels())


def scalars() -> dict[str, scalar_dictionary.Scalar]:
    """Return the whole dictionary of scalars, the algorithms' own included."""
    own = {scalar.name: scalar for spec in algorithms().values() for scalar in spec.scalars}
    return {**scalar_dictionary.DICTIONARY, **own}


def misfit(algorithm_: AlgorithmSpec, environment_: EnvironmentSpec) -> str:
    """Return why the algorithm does not fit the environment, or the empty text where it does."""
    if (algorithm_.family == "language") != (environment_.kind == "language"):
        rule = (
            _("A language model is trained on tasks in text; {environment} is none.")
            if algorithm_.family == "language"
            else _("{environment} is a task for a language model; the stages under Language train one.")
        )
        return rule.format(environment=environment_.name)
    if algorithm_.actions not in ("any", environment_.action_kind):
        rule = (
            _("It chooses one of several actions; an action of {environment} is made of continuous numbers.")
            if algorithm_.actions == "numbered"
            else _("It chooses continuous numbers; an action of {environment} is one of several.")
        )
        return rule.format(environment=environment_.name)
    if environment_.kind == "tabular":
        return algorithm_.fits(environment_)
    if algorithm_.needs_model:
        return _("It plans with an exact model; {environment} has none, only a simulator.").format(
            environment=environment_.name
        )
    if algorithm_.tabular:
        return _("It keeps one table entry per state; {environment} has a continuous state.").format(
            environment=environment_.name
        )
    return algorithm_.fits(environment_)


def panels_for(algorithm_: AlgorithmSpec, environment_: EnvironmentSpec) -> list[PanelSpec]:
    """Return the panels that can draw this algorithm on this environment."""
    return [spec for spec in panels().values() if spec.fits(algorithm_, environment_)]


def presets_for(algorithm_: str, environment_: str) -> dict[str, Preset]:
    """Return the presets of a pair by name."""
    return presets().get((algorithm_, environment_), {})


def resolve(
    algorithm: str,
    environment: str,
    *,
    config: Mapping[str, Any] | None = None,
    environment_config: Mapping[str, Any] | None = None,
    preset: str | None = None,
    total_steps: int | None = None,
    seed: int = 0,
) -> Recipe:
    """Check a request and fill in everything it left open.

    Raises:
        InvalidInput: with every violation found.
    """
    algorithm_spec = _lookup("algorithm", algorithm, algorithms())
    environment_spec = _environment(environment)
    reason = misfit(algorithm_spec, environment_spec)
    if reason:
        rule = _("does not fit {environment}. {reason}").format(
            environment=environment, reason=reason.removesuffix(".")
        )
        fitting = ", ".join(name for name, spec in algorithms().items() if not misfit(spec, environment_spec))
        raise InvalidInput.one("algorithm", algorithm, rule, _("These fit: {names}.").format(names=fitting))
    chosen = _choose_preset(algorithm, environment, preset)
    violations: list[Violation] = []
    base: Mapping[str, Any] = chosen.config if chosen else {}
    base_environment: Mapping[str, Any] = chosen.environment_config if chosen else {}
    merged = _checked(algorithm_spec.config, {**base, **(config or {})}, "config", violations)
    world = _checked(
        environment_spec.config, {**base_environment, **(environment_config or {})}, "environment_config", violations
    )
    steps = total_steps if total_steps is not None else chosen.total_steps if chosen else algorithm_spec.default_steps
    _check_number("total_steps", steps, 1, MAX_STEPS, violations)
    _check_number("seed", seed, 0, MAX_SEED, violations)
    if violations:
        raise InvalidInput(violations)
    made = environment_spec.make(environment_spec.config.parse(world, "environment_config"))
    parsed = algorithm_spec.config.parse(merged)
    check_kept(parsed, made.observation_size, steps)
    algorithm_spec.check(parsed, made)
    return Recipe(algorithm, environment, world, chosen.name if chosen else None, merged, steps, seed)


def build(recipe: Recipe, origin: Tree | None = None) -> tuple[AlgorithmSpec, EnvironmentSpec, Environment, Agent]:
    """Return the specs, the environment and a fresh agent of a recipe; `origin` as `Problem` says."""
    algorithm_spec, environment_spec = algorithm(recipe.algorithm), environment(recipe.environment)
    world = environment_spec.make(environment_spec.config.parse(recipe.environment_config, "environment_config"))
    problem = Problem(world, recipe.seed, recipe.total_steps, origin)
    agent = algorithm_spec.agent(algorithm_spec.config.parse(recipe.config), problem)
    return algorithm_spec, environment_spec, world, agent


def check() -> None:
    """Check every preset and every smoke task; raises where one contradicts the rest."""
    for (algorithm_name, environment_name), named in presets().items():
        for preset in named.values() if environment_name in environments() else ():
            resolve(algorithm_name, environment_name, preset=preset.name)
    for spec in algorithms().values():
        smoke = spec.smoke
        resolve(spec.id, smoke.environment, config=smoke.config, environment_config=smoke.environment_config)
    panels()
    studies()


def _specs(package: ModuleType, kind: type[Spec]) -> Iterable[Spec]:
    for module_info in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        if not module_info.ispkg:
            module: ModuleType = importlib.import_module(module_info.name)
            declared = (getattr(module, "SPEC", None), *getattr(module, "SPECS", ()))
            yield from (spec for spec in declared if isinstance(spec, kind))
            yield from getattr(module, "declared", tuple)() if kind is EnvironmentSpec else ()


def _unique(specs: Iterable[Spec]) -> dict[str, Spec]:
    found: dict[str, Spec] = {}
    for spec in specs:
        if spec.id in found:
            raise CatalogueError(f"two files declare {spec.id}")
        found[spec.id] = spec
    return found


def _lookup(kind: str, name: str, known: Mapping[str, Spec]) -> Spec:
    if name in known:
        return known[name]
    near = difflib.get_close_matches(shorten(name), known, 3, 0.4)
    way_out = _("Close to it: {names}.") if near else _("Known: {names}.")
    raise UnknownName([Violation(kind, shorten(name), NO_SUCH[kind], way_out.format(names=", ".join(near or known)))])


def _choose_preset(algorithm_: str, environment_: str, name: str | None) -> Preset | None:
    named = presets_for(algorithm_, environment_)
    if name is None:
        return named.get(BASE_PRESET)
    if name == "":
        return None
    if name not in named:
        rule = _("no such preset of {algorithm} on {environment}").format(
            algorithm=algorithm_, environment=environment_
        )
        way_out = _("Known: {names}.").format(names=", ".join(named) or _("none"))
        raise UnknownName([Violation("preset", shorten(name), rule, way_out)])
    return named[name]


def _checked(config: type[Any], values: dict[str, Any], where: str, violations: list[Violation]) -> dict[str, Any]:
    try:
        return dict(config.parse(values, where).model_dump(mode="json"))
    except InvalidInput as error:
        violations.extend(error.violations)
        return {}


def _check_number(where: str, value: int, low: int, high: int, violations: list[Violation]) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        rule = filled(_("must be a whole number from {low} to {high}"), low=low, high=high)
        violations.append(Violation(where, shorten(value), rule))


def _read_preset(path: Path) -> Preset:
    parts = path.stem.split("--")
    if len(parts) != 3:
        raise CatalogueError(f"{path.name}: a preset is named <algorithm>--<environment>--<name>.toml")
    with path.open("rb") as file:
        values = tomllib.load(file)
    if parts[0] not in algorithms() or parts[1] not in _declared_environments():
        raise CatalogueError(f"{path.name}: no such algorithm or environment")
    try:
        return Preset(algorithm=parts[0], environment=parts[1], name=parts[2], **values)
    except TypeError as error:
        raise CatalogueError(f"{path.name}: {error}") from None


def _read_study(path: Path) -> Study:
    with path.open("rb") as file:
        values = tomllib.load(file)
    try:
        stages = tuple(StudyStage(**one) for one in values.pop("stages"))
        expected = tuple(Expectation(**one) for one in values.pop("expected"))
        study = Study(
            id=path.stem, **{**values, "seeds": tuple(values["seeds"]), "stages": stages, "expected": expected}
        )
    except (KeyError, TypeError) as error:
        raise CatalogueError(f"{path.name}: {error}") from None
    known: set[str] = set()
    for stage in stages:
        if stage.id in known or (stage.after and stage.after not in known):
            raise CatalogueError(f"{path.name}: {stage.id} is there twice, or starts from no earlier stage")
        known.add(stage.id)
        resolve(
            stage.algorithm,
            study.environment,
            config=stage.config,
            environment_config=study.task_of(stage),
            total_steps=stage.total_steps,
        )
    strangers = {name for one in expected for name in (one.stage, one.minus) if name} - known
    if strangers:
        raise CatalogueError(f"{path.name}: no such stage: {sorted(strangers)}")
    return study
