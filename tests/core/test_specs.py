"""What a declaration answers from its own fields."""

from dataclasses import replace

import numpy as np

from app.core.config import Config, Hyper
from app.core.specs import EnvironmentSpec, Frame
from app.environments.cartpole import SPEC


class Size(Config):
    """One option."""

    size: int = Hyper(4, low=1, high=8, help="Length of the side.")


def threshold(size: int, spec: EnvironmentSpec) -> float | None:
    """Return the threshold of a world of this size."""
    return spec.solved_at(Size(size=size))


def test_the_threshold_is_one_number_unless_the_options_change_it() -> None:
    fixed = replace(SPEC, config=Size, threshold=0.7)
    assert [threshold(size, fixed) for size in (4, 8)] == [0.7, 0.7]
    following = replace(fixed, threshold_with=lambda config: 0.7 if config.size < 8 else None)
    assert [threshold(size, following) for size in (4, 8)] == [0.7, None]


def test_a_frame_without_a_number_is_blank_whatever_it_says() -> None:
    assert Frame({}, {"words": "not yet"}).is_blank
    assert Frame({"rows": np.zeros((0, 3)), "columns": np.zeros((4, 0))}, {}).is_blank
    assert not Frame({"rows": np.zeros((0, 3)), "mean": np.array(0.0)}, {}).is_blank
