"""What several passes over one rollout did to the policy: the ratios of new to old probabilities, pass by pass.

E passes, H bins of a histogram.
"""

from typing import Any

import numpy as np

from app.core.config import Config
from app.core.specs import AlgorithmSpec, EnvironmentSpec, Frame, PanelSpec, Subject
from app.core.text import _
from app.parts.noted import settings_used

BINS = 41


class PassesOptions(Config):
    """Nothing to choose: the passes are those of the last update."""


def fits(algorithm: AlgorithmSpec, environment: EnvironmentSpec) -> bool:
    """A learner that keeps the ratios of its passes over a rollout."""
    return "ratios" in algorithm.signals and "train/clip_fraction" in algorithm.emits


def compute(subject: Subject, options: PassesOptions) -> Frame:
    """Return centres, first and last (H,), the shares of samples by ratio; kl, clipped, inert and passes (E,)."""
    signals = subject.agent.signals()
    found = np.asarray(signals["ratios"](), np.float64).reshape(-1, 3)
    if not len(found):
        return Frame({}, {})
    used = settings_used(signals)
    clip_range, target = used["clip_range"], used["target_kl"]
    log_ratio, inert = found[:, 1], found[:, 2] == 0
    ratio = np.exp(log_ratio)
    passes = np.unique(found[:, 0])
    kept = [found[:, 0] == one for one in passes]
    reach = max(1.5 * clip_range, float(np.quantile(np.abs(ratio - 1), 0.995)), 1e-6)
    edges = np.linspace(1 - min(reach, 1.0), 1 + reach, BINS + 1)
    first, last = (_shares(ratio[one], edges) for one in (kept[0], kept[-1]))
    arrays = {
        "centres": (edges[:-1] + edges[1:]) / 2,
        "first": first,
        "last": last,
        "passes": passes + 1,
        "kl": np.array([float((ratio - 1 - log_ratio)[one].mean()) for one in kept]),
        "clipped": np.array([float((np.abs(ratio - 1) > clip_range)[one].mean()) for one in kept]),
        "inert": np.array([float(inert[one].mean()) for one in kept]),
    }
    arrays = {name: np.asarray(array, np.float32) for name, array in arrays.items()}
    return Frame(arrays, {"figures": _figures(arrays, clip_range if used["clip"] else 0.0, target)})


def _shares(ratio: Any, edges: Any) -> Any:
    """Return the share of the ratios in each bin (H,); what lies beyond counts in the outermost."""
    counts, _edges = np.histogram(np.clip(ratio, edges[0], edges[-1]), edges)
    return counts / len(ratio)


def _figures(arrays: dict[str, Any], clip_range: float, target: float) -> list[dict[str, Any]]:
    count, width = len(arrays["passes"]), float(arrays["centres"][1] - arrays["centres"][0])
    sides = ((1 - clip_range, "1 − ε"), (1 + clip_range, "1 + ε")) if clip_range else ()
    every = -(-count // 10)
    x = {
        "label": _("pass over the rollout"),
        "low": 0.5,
        "high": count + 0.5,
        "ticks": list(range(1, count + 1, every)),
    }
    stop = [{"y": 1.5 * target, "label": _("stops here")}] if target else []
    return [
        {
            "title": _("Ratio of new to old probability"),
            "words": _("Before the first gradient step every ratio is 1; each pass spreads them."),
            "x": {"label": "ρ"},
            "y": {"label": _("share of the samples"), "low": 0.0},
            "marks": [
                {"kind": "bars", "x": "centres", "y": "first", "width": width, "color": 1, "name": _("first pass")},
                {"kind": "bars", "x": "centres", "y": "last", "width": width, "color": 0, "name": _("last pass")},
            ],
            "rules": [{"x": edge, "label": label} for edge, label in sides],
        },
        {
            "title": _("KL, pass by pass"),
            "words": _("How far the policy has gone from the one that collected the data, in nats; rising is the price of reuse."),
            "x": x,
            "y": {"label": _("nats"), "low": 0.0},
            "marks": [{"kind": "bars", "x": "passes", "y": "kl", "width": 0.8}],
            "rules": stop,
        },
        {
            "title": _("Clipped, pass by pass"),
            "words": _("A ratio outside the interval need not be inert: one that moves back still has a gradient."),
            "x": x,
            "y": {"label": _("share of the samples"), "low": 0.0},
            "marks": [
                {"kind": "bars", "x": "passes", "y": "clipped", "width": 0.8, "color": 1, "name": _("outside the interval")},
                {"kind": "bars", "x": "passes", "y": "inert", "width": 0.45, "color": 0, "name": _("without a gradient")},
            ],
        },
    ]  # fmt: skip


SPEC = PanelSpec(
    id="passes",
    name=_("The passes of an update"),
    summary=_("How several passes over one rollout spread the ratios, and what share of the samples they clip."),
    element="figure-set",
    version=1,
    options=PassesOptions,
    fits=fits,
    compute=compute,
    order=4,
)
