"""The states of a run and the one table of their transitions.

A row in a terminal state never leaves it: no source of the table is terminal. "interrupted" is no state: a run whose
worker died goes back to `queued` and resumes from its last checkpoint.
"""

QUEUED, STARTING, RUNNING, PAUSING, PAUSED, STOPPING = "queued", "starting", "running", "pausing", "paused", "stopping"
FINISHED, STOPPED, FAILED = "finished", "stopped", "failed"

ACTIVE = (STARTING, RUNNING, PAUSING, PAUSED, STOPPING)
OPEN = (QUEUED, *ACTIVE)
TERMINAL = (FINISHED, STOPPED, FAILED)
STATES = (*OPEN, *TERMINAL)

TRANSITIONS: dict[str, frozenset[str]] = {
    QUEUED: frozenset({STARTING, PAUSED, STOPPED, FAILED}),
    STARTING: frozenset({STARTING, RUNNING, PAUSING, PAUSED, STOPPING, QUEUED, *TERMINAL}),
    RUNNING: frozenset({RUNNING, PAUSING, PAUSED, STOPPING, QUEUED, *TERMINAL}),
    PAUSING: frozenset({PAUSING, PAUSED, RUNNING, STOPPING, QUEUED, *TERMINAL}),
    PAUSED: frozenset({PAUSED, RUNNING, PAUSING, STOPPING, QUEUED, *TERMINAL}),
    STOPPING: frozenset({STOPPING, *TERMINAL}),
    FINISHED: frozenset(),
    STOPPED: frozenset(),
    FAILED: frozenset(),
}

# What a worker may say of itself, and in which states it is believed: a late "running" never undoes a pause or a stop.
BELIEVED: dict[str, tuple[str, ...]] = {
    STARTING: (STARTING,),
    RUNNING: (STARTING, PAUSED, RUNNING),
    PAUSED: (STARTING, RUNNING, PAUSING, PAUSED),
    FINISHED: ACTIVE,
    STOPPED: ACTIVE,
    FAILED: ACTIVE,
}


def sources(to: str, expected: tuple[str, ...]) -> list[str]:
    """Return the states of `expected` from which `to` may be reached."""
    return [state for state in expected if to in TRANSITIONS[state]]
