"""The queue by priority, against a dictionary that is searched."""

import numpy as np

from app.parts.priorities import Queue, empty_queue, pop, push


def put(queue: Queue, item: int, priority: float) -> None:
    push(queue.heap[0], queue.places[0], queue.priorities[0], queue.size, item, priority)


def take(queue: Queue) -> int:
    return int(pop(queue.heap[0], queue.places[0], queue.priorities[0], queue.size))


def test_items_leave_by_priority() -> None:
    queue = empty_queue(5)
    for item, priority in ((0, 0.5), (3, 2.0), (4, 1.0)):
        put(queue, item, priority)
    assert [take(queue) for _number in range(3)] == [3, 4, 0]
    assert queue.places[0].tolist() == [-1] * 5


def test_a_queued_item_changes_its_priority_up_and_down() -> None:
    queue = empty_queue(3)
    for item, priority in ((0, 1.0), (1, 2.0), (2, 3.0), (0, 4.0), (2, 0.5)):
        put(queue, item, priority)
    assert [take(queue) for _number in range(3)] == [0, 1, 2]


def test_it_equals_a_search_for_the_highest_priority() -> None:
    generator = np.random.default_rng(0)
    queue = empty_queue(40)
    waiting: dict[int, float] = {}
    for _number in range(5000):
        if waiting and generator.random() < 0.4:
            item = take(queue)
            assert waiting.pop(item) == max([*waiting.values(), queue.priorities[0, item]])
        else:
            item, priority = int(generator.integers(40)), float(generator.random())
            waiting[item] = priority
            put(queue, item, priority)
        assert queue.size[0] == len(waiting)
        assert sorted(queue.heap[0, : len(waiting)].tolist()) == sorted(waiting)
