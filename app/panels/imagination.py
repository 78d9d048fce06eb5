"""Imagined against real: a stretch of newest experience, and how each network of the world imagines it.

E networks, K steps, D observation size.
"""

import numpy as np

from app.core.config import Config
from app.core.specs import AlgorithmSpec, EnvironmentSpec, Frame, PanelSpec, Subject
from app.core.text import _
from app.parts.courses import course_figures


class ImaginationOptions(Config):
    """Nothing to choose: the stretch is the newest one."""


def fits(algorithm: AlgorithmSpec, environment: EnvironmentSpec) -> bool:
    """A learner that imagines courses, of observations with named axes."""
    return bool(environment.axes) and "imagined" in algorithm.signals


def compute(subject: Subject, options: ImaginationOptions) -> Frame:
    """Return the courses of each axis over the steps (K + 1,): the real one, then one for each network."""
    courses = np.asarray(subject.agent.signals()["imagined"](), np.float64)
    if courses.shape[1] < 2:
        return Frame({}, {})
    names = [_("real"), *(_("network {number}").format(number=number) for number in range(1, len(courses)))]
    arrays, figures = course_figures(courses, subject.environment_spec, names)
    words = _(
        "Each network starts where the real course did, takes the same actions, and goes on from what it imagined itself."
    )
    return Frame(arrays, {"figures": figures, "words": words})


SPEC = PanelSpec(
    id="imagination",
    name=_("Imagined against real"),
    summary=_(
        "The newest stretch of experience, and what each network of the world makes of its start and its actions."
    ),
    element="figure-set",
    version=1,
    options=ImaginationOptions,
    fits=fits,
    compute=compute,
    order=3,
)
