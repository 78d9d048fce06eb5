"""REST: the exact solution of a world that is described, not yet trained on."""

from app.protocol.solutions import Solution, SolutionRequest
from app.web.api_catalog import Name
from app.web.context import CREATES, READS, Service, api_router
from app.web.problems import documented
from app.web.solving import solution

router = api_router("catalogue")


@router.post(
    "/environments/{id}/solution", operation_id="solve_environment",
    summary="V*, optimal actions and reachable states of a world; nothing is stored",
    responses=documented(*READS, *CREATES),
)  # fmt: skip
def solve_environment(id: Name, body: SolutionRequest, playground: Service) -> Solution:
    return solution(playground.catalog(), id, body)
