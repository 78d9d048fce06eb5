"""The critic against what happened: its values of recent steps beside the discounted returns that followed them.

K steps, H bins.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.core.config import Config
from app.core.scalars import in_unit
from app.core.specs import AlgorithmSpec, EnvironmentSpec, Frame, PanelSpec, Subject
from app.core.text import _
from app.parts.noted import RECENT, settings_used
from app.parts.returns import discounted_returns

F64 = NDArray[np.float64]
SHOWN, BINS = 512, 31
REST = 0.1  # a truncated episode counts where its cut is discounted at most this much


class CriticOptions(Config):
    """Nothing to choose."""


def fits(algorithm: AlgorithmSpec, environment: EnvironmentSpec) -> bool:
    """A critic whose values can be compared with returns: those of a rollout, or of replayed episodes."""
    return bool({"recent_rollouts", "followed"} & set(algorithm.signals))


def compute(subject: Subject, options: CriticOptions) -> Frame:
    """Return value and followed (K,), centres and shares (H,) of their difference."""
    signals = subject.agent.signals()
    is_replayed = "replay_observations" in signals  # then the returns are counted anew, as the discount is now
    settings = subject.agent.config.model_dump() if is_replayed else settings_used(signals)
    gamma = float(settings.get("gamma", 0.0))
    if "followed" in signals:
        pairs = np.asarray(signals["followed"](), np.float64).reshape(-1, 2)
    else:
        pairs = of_rollout(np.asarray(signals["recent_rollouts"](), np.float64), gamma)
    if not len(pairs):
        words = _(
            "No step yet whose return is known: of the last {count} steps of each environment, no episode ended near enough."
        )
        return Frame({}, {"figures": [], "words": words.format(count=RECENT)})
    error = pairs[:, 0] - pairs[:, 1]
    counts, edges = np.histogram(error, BINS)
    shown = pairs[:: -(-len(pairs) // SHOWN)]
    ends = [float(pairs.min()), float(pairs.max())]
    arrays = {
        "value": shown[:, 0], "followed": shown[:, 1], "centres": (edges[:-1] + edges[1:]) / 2,
        "shares": counts / len(error), "ends": ends,
    }  # fmt: skip
    value, followed = pairs[:, 0] - pairs[:, 0].mean(), pairs[:, 1] - pairs[:, 1].mean()
    size = float(np.sqrt((value**2).sum() * (followed**2).sum()))
    spread = float((value * followed).sum()) / size if size else 0.0
    facts = {
        "count": len(pairs), "mean": f"{error.mean():.4g}".replace("-", "−"), "rms": f"{np.sqrt((error**2).mean()):.4g}",
        "correlation": f"{spread:.3f}".replace("-", "−"), "gamma": f"{gamma:g}",
    }  # fmt: skip
    unit = in_unit(_("reward"), subject.agent.config.model_dump())
    figures = _figures(facts | {"unit": unit})
    return Frame({name: np.asarray(array, np.float32) for name, array in arrays.items()}, {"figures": figures})


def of_rollout(rollout: F64, gamma: float) -> F64:
    """Return value and discounted return (K, 2) of the steps whose episode ended within the rollout (N, T, 6).

    Of a truncated episode only steps count from which the cut is discounted to at most `REST`.
    """
    if not rollout.size:
        return np.zeros((0, 2))
    rewards, values, following, terminated, truncated = (rollout[:, :, i].T for i in range(5))
    ended = (terminated + truncated) > 0
    returns = discounted_returns(rewards, following, ended=ended, gamma=gamma)
    discount = np.full(
        rewards.shape, np.nan
    )  # of what the end of the episode counts; NaN where it is not in the rollout
    running = np.full(rewards.shape[1], np.nan)
    for t in range(len(rewards) - 1, -1, -1):
        running = np.where(terminated[t] > 0, 0.0, np.where(ended[t], gamma, gamma * running))
        discount[t] = running
    chosen = np.isfinite(discount) & (discount <= REST)
    return np.stack([values[chosen], returns[chosen]], axis=1)


def _figures(facts: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            "title": _("Value and what followed"),
            "words": _("{count} steps of finished episodes, discounted by γ = {gamma}; correlation {correlation}. Above the dashed line the critic promises too much.").format(**facts),
            "x": {"label": _("discounted return that followed ({unit})").format(**facts)},
            "y": {"label": _("value ({unit})").format(**facts)},
            "marks": [
                {"kind": "dots", "x": "followed", "y": "value", "color": 0},
                {"kind": "line", "x": "ends", "y": "ends", "color": 7, "dash": True},
            ],
        },
        {
            "title": _("Value minus what followed"),
            "words": _("Mean {mean}, root mean square {rms}; one return is a draw, so a spread remains even for the exact values.").format(**facts),
            "x": {"label": _("error ({unit})").format(**facts)},
            "y": {"label": _("share of the steps"), "low": 0.0},
            "marks": [{"kind": "bars", "x": "centres", "y": "shares", "color": 0}],
            "rules": [{"x": 0.0, "label": "0"}],
        },
    ]  # fmt: skip


SPEC = PanelSpec(
    id="critic_truth",
    name=_("The critic against returns"),
    summary=_(
        "Values of recent steps beside the discounted returns that followed: overestimation and error at a glance."
    ),
    element="figure-set",
    version=1,
    options=CriticOptions,
    fits=fits,
    compute=compute,
    order=6,
)
