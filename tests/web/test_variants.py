"""What each variant of the tabular wing changes of its parent: the functions that hold its equations, and these lines.

A variant repeats its parent's file on purpose. Each entry names the functions in which a line with an equation differs, with
the lines removed and added in them, then the removed (−) and added (+) lines that implement an equation. Who changes one of the
two files changes its entry, and sees in the difference whether the pair still tells what it should.
"""

import re

import pytest

from app import catalog
from app.web import differences, lessons
from app.web.differences import Block, Source

EQUATION = re.compile(r"# \(\d+\)$")
FAMILIES = {"planning", "tabular"}

VARIANTS = {
    ("policy_evaluation", "policy_iteration"): """
sweep −1 +1 · improve −0 +20
− change = abs(value - v_old) # (3)
+ q = rewards[state, action] + gamma * v_next # (3)
+ policy[state, best_action] = 1.0 # (4)
""",
    ("policy_iteration", "conservative_policy_iteration"): """
prospect −0 +7 · step_size −0 +9 · improvement_bound −0 +3 · step −12 +22 · sweep −18 +0 · improve −20 +0
+ policy_advantage = advantage_over(visits, greedy, advantage) # (1)
+ alpha = (1 - gamma) * policy_advantage / max(4 * reward_range / (1 - gamma), 1e-300) # (4)
+ alpha = (1 - gamma) * policy_advantage / max(4 * gamma * promise.largest, 1e-300) # (5)
+ return alpha / (1 - gamma) * (promise.policy_advantage - price) # (3)
+ policy += alpha * (promise.greedy - policy) # (2)
− v_next += share * continues[state, action, k] * v[next_states[state, action, k]] # (1)
− v_new[state] = value # (2)
− q = rewards[state, action] + gamma * v_next # (3)
− policy[state, best_action] = 1.0 # (4)
""",
    ("value_iteration", "modified_policy_iteration"): """
sweep −13 +12
− q = rewards[state, action] + gamma * v_next # (1)
− change = abs(best - v_old) # (3)
− v_new[state] = best # (2)
+ actions[state] = best_action(model, v, gamma, state) # (2)
+ value = rewards[state, action] + gamma * v_next # (1)
+ v_new[state] = value # (3)
""",
    ("actor_critic_tabular", "natural_gradient_tabular"): """
collect −0 +46 · natural_step −0 +8 · improve −0 +13 · learn −48 +13
+ delta = reward + knobs.gamma * v_next - v[state] # (1)
+ gradient[state, b] += weight * delta * score # (2)
+ blocks = fisher(policy[seen]) # (3)
+ step[seen] = np.einsum("sab,sb->sa", inverses, gradient[seen] / each) # (4)
+ theta += knobs.alpha * step # (5)
− delta = reward + knobs.gamma * v_next - v_old # (1)
− v[state] = v_old + knobs.alpha_v * delta # (2)
− theta[state, b] += knobs.alpha * weight * delta * score # (3)
""",
    ("dyna_q", "prioritized_sweeping"): """
learn −20 +6 · sweep −0 +30 · surprise −0 +8 · plan −17 +0
− target = reward + knobs.gamma * max_q_next # (1)
− delta = target - q_old # (2)
− q_new = q_old + alpha * delta # (3)
+ q_new = q_old + alpha * (target - q_old) # (3)
+ target = reward + gamma * follows # (1)
+ priority = abs(target - q[state, action]) # (2)
− target = reward + bonus + gamma * follows # (4)
− q[state, action] += alpha * (target - q[state, action]) # (5)
""",
    ("epsilon_greedy_bandit", "gradient_bandit"): """
learn −13 +18 · softmax_into −0 +8 · prefer −0 +7
− arm = epsilon_greedy(q, 0, epsilon, words[0, draw], words[1, draw], words[2, draw]) # (1)
+ mean_reward[0] += (reward - mean_reward[0]) / step # (4)
− q_new = q_old + alpha * (reward - q_old) # (2)
+ pi[0, arm] /= total # (1)
+ h_new = h[0, pulled] + alpha * advantage * (1 - pi[0, pulled]) # (2)
+ h[0, arm] -= alpha * advantage * pi[0, arm] # (3)
""",
    ("epsilon_greedy_bandit", "thompson_bandit"): """
learn −6 +8 · choose −0 +13
− arm = epsilon_greedy(q, 0, epsilon, words[0, draw], words[1, draw], words[2, draw]) # (1)
+ weight[0, arm] += 1 # (3)
− q_new = q_old + alpha * (reward - q_old) # (2)
+ q_new = q_old + (reward - q_old) / weight[0, arm] # (4)
+ theta = beta(mean * worth, (1 - mean) * worth, step, lane, key) # (1)
+ highest = max(theta, highest) # (2)
""",
    ("epsilon_greedy_bandit", "ucb_bandit"): """
learn −7 +7 · upper_bounds −0 +8
− arm = epsilon_greedy(q, 0, epsilon, words[0, draw], words[1, draw], words[2, draw]) # (1)
+ arm = greedy_action(bounds, 0, words[2, draw]) # (2)
− q_new = q_old + alpha * (reward - q_old) # (2)
+ q_new = q_old + (reward - q_old) / n # (3)
+ bounds[0, arm] = q[0, arm] + c * math.sqrt(log_t / visits[0, arm]) # (1)
""",
    ("monte_carlo_control", "off_policy_monte_carlo"): """
learn_from_episode −12 +19
− delta = g - q_old # (2)
− q_new = q_old + alpha * delta # (3)
+ y, kappa = g, weight / divisor[state, action] # (3)
+ y, kappa = weight * g, 1.0 / divisor[state, action] # (4)
+ q_new = q_old + kappa * (y - q_old) # (5)
+ weight *= target_chance(memory, state, action, knobs.is_control) / memory.chances[0, t] # (2)
""",
    ("q_learning", "double_q_learning"): """
learn −10 +16
− target = reward + knobs.gamma * max_q_next # (1)
+ best = greedy_action(q1, next_state, coins[1, draw]) # (1)
+ target = reward + knobs.gamma * q_next # (2)
+ q[state, action] = 0.5 * (q_new + q2[state, action]) # (5)
""",
    ("q_learning", "dyna_q"): """
plan −0 +17
+ target = reward + bonus + gamma * follows # (4)
+ q[state, action] += alpha * (target - q[state, action]) # (5)
""",
    ("q_learning", "sarsa"): """
learn −11 +14
− target = reward + knobs.gamma * max_q_next # (1)
+ target = reward + knobs.gamma * q_next # (1)
""",
    ("reinforce_tabular", "actor_critic_tabular"): """
learn −11 +16 · learn_from_episode −21 +0
+ delta = reward + knobs.gamma * v_next - v_old # (1)
+ v[state] = v_old + knobs.alpha_v * delta # (2)
+ theta[state, b] += knobs.alpha * weight * delta * score # (3)
− returns = rewards[t] + knobs.gamma * returns # (1)
− theta[state, b] += knobs.alpha * weight * (returns - baseline) * score # (2)
− v[state] += knobs.alpha_v * (returns - v[state]) # (3)
""",
    ("sarsa", "expected_sarsa"): """
expected_value −0 +6 · learn −14 +14
+ return (1 - epsilon) * best_value(q, state) + epsilon * total / q.shape[1] # (1)
− target = reward + knobs.gamma * q_next # (1)
+ target = reward + knobs.gamma * expected_q_next # (2)
""",
    ("sarsa", "n_step_sarsa"): """
back_up −0 +13 · learn −13 +13
+ total, discount = discounted_rewards(rewards, first, now, knobs.gamma) # (1)
+ target = total + discount * q_last # (2)
+ q_new = q_old + alpha * (target - q_old) # (3)
− target = reward + knobs.gamma * q_next # (1)
− delta = target - q_old # (2)
− q_new = q_old + alpha * delta # (3)
""",
    ("sarsa", "sarsa_lambda"): """
back_up −0 +7 · learn −14 +19
+ q[entry] += alpha * (delta * z[entry] + change * (z[entry] - (entry == pair))) # (2)
− target = reward + knobs.gamma * q_next # (1)
− delta = target - q_old # (2)
− q_new = q_old + alpha * delta # (3)
+ delta = reward + knobs.gamma * q_next - q_old # (1)
+ change = q_old - promised if knobs.traces.traces == DUTCH else 0.0 # (4)
+ n_active = fade(z, active, n_active, knobs.gamma * knobs.traces.lambda_) # (3)
""",
    ("td0", "n_step_td"): """
back_up −0 +13 · learn −12 +13
+ total, discount = discounted_rewards(rewards, first, now, knobs.gamma) # (1)
+ target = total + discount * v_last # (2)
+ v_new = v_old + alpha * (target - v_old) # (3)
− target = reward + knobs.gamma * v_next # (1)
− delta = target - v_old # (2)
− v_new = v_old + alpha * delta # (3)
""",
    ("td0", "td_lambda"): """
back_up −0 +7 · learn −8 +15
+ v[entry] += alpha * (delta * z[entry] + change * (z[entry] - (entry == state))) # (2)
− target = reward + knobs.gamma * v_next # (1)
− delta = target - v_old # (2)
− v_new = v_old + alpha * delta # (3)
+ delta = reward + knobs.gamma * v_next - v_old # (1)
+ change = v_old - promised if knobs.traces.traces == DUTCH else 0.0 # (4)
+ n_active = fade(z, active, n_active, knobs.gamma * knobs.traces.lambda_) # (3)
""",
}


def changes(block: Block) -> list[str]:
    """Return the lines of a function that differ, each after its sign."""
    chunks = [chunk for chunk in block.chunks if chunk.kind == "change"]
    marked = [("−", chunk.old) if side == "old" else ("+", chunk.new) for chunk in chunks for side in ("old", "new")]
    return [f"{sign} {row.html.striptags()}" for sign, rows in marked for row in rows]


def told(parent: str, variant: str) -> str:
    """Return a pair's entry, as its files are now."""
    known = catalog.algorithms()
    pair = [Source(lessons.source_path(known[name]), (known[name].config.__name__, name)) for name in (parent, variant)]
    heads, lines = list[str](), list[str]()
    for block in differences.compare(*pair).blocks:
        changed = changes(block)
        equations = [line for line in changed if EQUATION.search(line)]
        if equations:
            signs = [line[0] for line in changed]
            heads.append(f"{block.name} −{signs.count('−')} +{signs.count('+')}")
            lines += equations
    return "\n".join([" · ".join(heads), *lines])


def test_every_variant_of_the_wing_is_listed() -> None:
    pairs = {
        (spec.parent, spec.id) for spec in catalog.algorithms().values() if spec.family in FAMILIES and spec.parent
    }
    assert pairs == VARIANTS.keys()


@pytest.mark.parametrize(("parent", "variant"), VARIANTS)
def test_a_variant_differs_from_its_parent_in_these_lines(parent: str, variant: str) -> None:
    assert told(parent, variant) == VARIANTS[parent, variant].strip()
