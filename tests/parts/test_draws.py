"""Normal, Gamma and Beta draws: their distributions are the true ones."""

import numpy as np
import pytest
from scipy import stats

from app.core.jit import plain
from app.core.randomness import derive_key, philox
from app.parts.draws import beta, gamma, normal

KEY = tuple(derive_key(3, "draws").tolist())
N = 20_000


def test_normal_draws_are_normal() -> None:
    drawn = np.array([normal(*philox(number, 0, KEY)[:2]) for number in range(N)])
    assert stats.kstest(drawn, "norm").pvalue > 0.01
    assert drawn.var() == pytest.approx(1.0, abs=0.03)


@pytest.mark.parametrize("shape", [0.1, 0.5, 1.0, 2.5, 300.0])
def test_gamma_draws_are_gamma(shape: float) -> None:
    drawn = np.array([gamma(shape, number, 5, KEY) for number in range(N)])
    assert stats.kstest(drawn, stats.gamma(shape).cdf).pvalue > 0.01
    error = np.sqrt(shape / N)
    assert abs(drawn.mean() - shape) < 4 * error


@pytest.mark.parametrize(("a", "b"), [(1.0, 1.0), (0.1, 0.5), (3.0, 7.0), (900.0, 100.0)])
def test_beta_draws_are_beta(a: float, b: float) -> None:
    drawn = np.array([beta(a, b, number, 7, KEY) for number in range(N)])
    truth = stats.beta(a, b)
    assert stats.kstest(drawn, truth.cdf).pvalue > 0.01
    assert abs(drawn.mean() - truth.mean()) < 4 * truth.std() / np.sqrt(N)
    assert drawn.std() == pytest.approx(truth.std(), rel=0.03)


def test_draws_of_different_numbers_and_lanes_do_not_correlate() -> None:
    one = np.array([gamma(2.0, number, 0, KEY) for number in range(5000)])
    other = np.array([gamma(2.0, number, 1, KEY) for number in range(5000)])
    assert abs(np.corrcoef(one, other)[0, 1]) < 0.05
    assert abs(np.corrcoef(one[1:], one[:-1])[0, 1]) < 0.05


def test_the_kernels_equal_their_plain_twins() -> None:
    for number in range(50):
        assert gamma(0.7, number, 2, KEY) == pytest.approx(plain(gamma)(0.7, number, 2, KEY), rel=1e-12)
        assert beta(2.0, 3.0, number, 2, KEY) == pytest.approx(plain(beta)(2.0, 3.0, number, 2, KEY), rel=1e-12)
