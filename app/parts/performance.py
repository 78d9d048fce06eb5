r"""Where a policy spends its time, exactly: the discounted visits of each state, from which policy gradients follow.

$$d^\pi(s) = \sum_t \gamma^t\, P(s_t = s \mid \pi), \qquad d^\pi = \mu + \gamma P_\pi^\top d^\pi \tag{1}$$

with μ the start distribution. They add up to at most $1 / (1 - \gamma)$: less where episodes end. The expected return is
$J(\pi) = \sum_s \mu(s) V^\pi(s) = \sum_s d^\pi(s)\, r_\pi(s)$, and any two policies differ by (Kakade and Langford 2002, lemma 6.1)

$$J(\pi') - J(\pi) = \sum_s d^{\pi'}(s) \sum_a \pi'(a \mid s)\, A^\pi(s, a) \tag{2}$$

S states, A actions.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_array, eye_array
from scipy.sparse.linalg import spsolve

from app.parts.tabular import TabularMDP, q_from_v

F64 = NDArray[np.float64]


def discounted_visits(mdp: TabularMDP, policy: F64, gamma: float) -> F64:
    """Return the discounted visits d (S,) of a policy (S, A) from the starts; at γ = 1 it must end from every state it visits."""
    weights = np.where(mdp.terminated, 0.0, policy[:, :, None] * mdp.probabilities)
    rows = np.broadcast_to(np.arange(mdp.n_states)[:, None, None], weights.shape)
    used = weights > 0
    shape = (mdp.n_states, mdp.n_states)
    backwards = csc_array((weights[used], (mdp.next_states[used], rows[used])), shape=shape)
    visits: F64 = np.asarray(spsolve((eye_array(mdp.n_states) - gamma * backwards).tocsc(), mdp.start))  # (1)
    return visits


def advantages(mdp: TabularMDP, v: F64, gamma: float) -> F64:
    """Return A (S, A) = Q − V for the values v (S,) of a policy."""
    return q_from_v(mdp, v, gamma) - v[:, None]


def advantage_over(visits: F64, policy: F64, advantage: F64) -> float:
    """Return Σ_s d(s) Σ_a π(a|s) A(s, a): the right-hand side of (2), for visits (S,), a policy and advantages (S, A)."""
    return float(visits @ (policy * advantage).sum(axis=1))
