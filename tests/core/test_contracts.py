"""A problem hands out environments and randomness that follow from its seed alone."""

import numpy as np

from app.core.contracts import Problem
from app.environments.cartpole import SPEC


def test_environments_of_a_problem_follow_from_its_seed() -> None:
    environment = SPEC.make(SPEC.config())

    def starts(seed: int, stream: str) -> bytes:
        return bytes(np.array(Problem(environment, seed, 100).batch(3, True, stream).reset()).tobytes())

    assert starts(1, "environment") == starts(1, "environment")
    assert len({starts(1, "environment"), starts(2, "environment"), starts(1, "other")}) == 3


def test_streams_of_a_problem_are_named() -> None:
    problem = Problem(SPEC.make(SPEC.config()), 1, 100)
    assert problem.stream("a").words(4).tolist() == problem.stream("a").words(4).tolist()
    assert problem.stream("a").words(4).tolist() != problem.stream("b").words(4).tolist()
