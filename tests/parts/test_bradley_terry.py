"""Bradley–Terry abilities against the logistic regression that they are."""

import numpy as np
import pytest

from app.core.randomness import Stream
from app.parts.bradley_terry import abilities


def logistic_regression(wins: np.ndarray) -> np.ndarray:
    """Return the likeliest coefficients by Newton's method, adding up to 0."""
    found = np.zeros(len(wins))
    compared = wins + wins.T
    for _step in range(100):
        chance = 1 / (1 + np.exp(found[None, :] - found[:, None]))
        slope = (wins - compared * chance).sum(axis=1)
        weights = compared * chance * (1 - chance)
        found = found + np.linalg.pinv(np.diag(weights.sum(axis=1)) - weights) @ slope
    return np.asarray(found - found.mean())


def drawn_wins(truth: np.ndarray, times: int) -> np.ndarray:
    stream, wins = Stream(1, "comparisons"), np.zeros((len(truth), len(truth)))
    for i in range(len(truth)):
        for j in range(i):
            won = (stream.uniforms(times) < 1 / (1 + np.exp(truth[j] - truth[i]))).sum()
            wins[i, j], wins[j, i] = won, times - won
    return wins


def test_they_are_the_coefficients_of_a_logistic_regression() -> None:
    wins = np.array([[0, 3, 5, 1], [1, 0, 2, 2], [2, 4, 0, 1], [1, 0, 3, 0]], float)
    np.testing.assert_allclose(abilities(wins).values, logistic_regression(wins), rtol=0, atol=1e-8)


def test_they_recover_what_made_the_comparisons_within_their_intervals() -> None:
    truth = np.array([1.0, 0.3, -0.4, -0.9])
    found = abilities(drawn_wins(truth, 2_000))
    assert (np.abs(found.values - truth) < 1.5 * found.half_widths).all()
    wider = abilities(drawn_wins(truth, 500))
    np.testing.assert_allclose(wider.half_widths / found.half_widths, 2, rtol=0.1)


def test_two_by_hand() -> None:
    found = abilities(np.array([[0.0, 3.0], [1.0, 0.0]]))
    np.testing.assert_allclose(found.values[0] - found.values[1], np.log(3))


def test_what_has_no_finite_answer_is_said_and_a_prior_gives_one() -> None:
    always = np.array([[0.0, 4.0], [0.0, 0.0]])
    with pytest.raises(ValueError, match="add a prior"):
        abilities(always)
    found = abilities(always, prior=0.5).values
    np.testing.assert_allclose(found[0] - found[1], np.log(9))
