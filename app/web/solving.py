"""The exact solution of a described world: what the editor shows while somebody draws."""

from types import ModuleType

from app.core.contracts import Environment
from app.core.errors import InvalidInput, Missing
from app.core.text import _, filled
from app.parts.tabular import TabularMDP, optimal_actions, optimal_values
from app.protocol.base import Fault
from app.protocol.solutions import Solution, SolutionRequest
from app.web.describe import known

MOST_STATES = 2_000  # 40 × 40 cells and some; a linear solve of a dense model of that size takes a second


def solution(catalog: ModuleType, environment: str, body: SolutionRequest) -> Solution:
    """Return V*, the optimal actions and the states that can be reached.

    Raises:
        Missing: no such environment.
        InvalidInput: refused options, a world without a table of states, or γ = 1 where returns have no end; with
            `explain` the answer holds these faults instead.
    """
    try:
        return _solved(catalog, environment, body)
    except Missing:
        raise
    except InvalidInput as error:
        if not body.explain:
            raise
        faults = [
            Fault(where=item.where, value=item.value, rule=item.rule, way_out=item.way_out) for item in error.violations
        ]
        return Solution(environment_config=body.environment_config, gamma=body.gamma, faults=faults)


def as_of(environment: Environment, step: int) -> Environment:
    """Return the world that an environment has become by a step, where it changes by itself."""
    for at, changed in environment.changes:
        environment = changed if at <= step else environment
    return environment


def _solved(catalog: ModuleType, environment: str, body: SolutionRequest) -> Solution:
    spec = known(catalog.environment, environment)
    config = spec.config.parse(body.environment_config, "environment_config")
    mdp = as_of(spec.make(config), body.step).mdp
    if not isinstance(mdp, TabularMDP):
        rule = _("has no table of states, so nothing can be solved exactly")
        raise InvalidInput.one("environment", environment, rule, _("Choose one of kind tabular."))
    if mdp.n_states > MOST_STATES:
        rule = filled(_("has {count} states; at most {most} are solved here"), count=mdp.n_states, most=MOST_STATES)
        raise InvalidInput.one("environment", environment, rule, _("Start a run of value iteration instead."))
    values, reachable = optimal_values(mdp, body.gamma), mdp.reachable()
    best = optimal_actions(mdp, values, body.gamma) & reachable[:, None]
    return Solution(
        environment_config=config.model_dump(mode="json"),
        gamma=body.gamma,
        n_states=mdp.n_states,
        n_actions=mdp.n_actions,
        layout=mdp.layout.facts() if mdp.layout else None,
        v=values.tolist(),
        policy=[[action for action, is_best in enumerate(row) if is_best] for row in best.tolist()],
        reachable=reachable.tolist(),
        start_value=float(mdp.start @ values),
    )
