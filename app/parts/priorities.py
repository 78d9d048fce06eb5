"""A queue of numbered items by priority: a binary heap in arrays, whose items know their place and so can change priority.

The item of highest priority stands first; of equal ones, whichever the heap has on top. P items. A leading axis of length 1 is
that of the lanes.
"""

from typing import Any, NamedTuple

import numpy as np

from app.core.jit import kernel


class Queue(NamedTuple):
    """Items in heap order, their places in it (−1: not queued), their priorities, and how many are queued."""

    heap: Any  # (1, P) int64
    places: Any  # (1, P) int64
    priorities: Any  # (1, P) float64
    size: Any  # (1,) int64


def empty_queue(n_items: int) -> Queue:
    """Return a queue for items 0 … n_items − 1 that holds none."""
    heap, priorities = np.zeros((1, n_items), np.int64), np.zeros((1, n_items))
    return Queue(heap, np.full((1, n_items), -1), priorities, np.zeros(1, np.int64))


@kernel
def push(heap: Any, places: Any, priorities: Any, size: Any, item: Any, priority: Any) -> None:
    """Queue an item, or change the priority of one that is queued; the arrays are (P,), `size` (1,)."""
    place = places[item]
    if place < 0:
        place = size[0]
        heap[place], places[item] = item, place
        size[0] += 1
    priorities[item] = priority
    sink(heap, places, priorities, size, climb(heap, places, priorities, place))


@kernel
def pop(heap: Any, places: Any, priorities: Any, size: Any) -> Any:
    """Take the item of highest priority out of a queue that is not empty, and return it."""
    item = heap[0]
    size[0] -= 1
    places[item] = -1
    if size[0] > 0:
        moved = heap[size[0]]
        heap[0], places[moved] = moved, 0
        sink(heap, places, priorities, size, 0)
    return item


@kernel
def climb(heap: Any, places: Any, priorities: Any, place: Any) -> Any:
    """Move the item at `place` up to where it belongs, and return where that is."""
    item = heap[place]
    while place > 0:
        above = (place - 1) // 2
        if priorities[heap[above]] >= priorities[item]:
            break
        heap[place], places[heap[above]] = heap[above], place
        place = above
    heap[place], places[item] = item, place
    return place


@kernel
def sink(heap: Any, places: Any, priorities: Any, size: Any, place: Any) -> None:
    """Move the item at `place` down to where it belongs."""
    item = heap[place]
    while 2 * place + 1 < size[0]:
        below = 2 * place + 1
        if below + 1 < size[0] and priorities[heap[below + 1]] > priorities[heap[below]]:
            below += 1
        if priorities[heap[below]] <= priorities[item]:
            break
        heap[place], places[heap[below]] = heap[below], place
        place = below
    heap[place], places[item] = item, place
