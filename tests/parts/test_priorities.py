"""The queue by priority, against a dictionary that is searched."""

import numpy as np

from app.parts.priorities import empty_queue, pop, push


def test_items_leave_by_priority() -> None:
    queue = [array[0] for array in empty_queue(5)[:3]] + [empty_queue(5).size]
    for item, priority in ((0, 0.5), (3, 2.0), (4, 1.0)):
        push(*queue, item, priority)
    assert [pop(*queue) for _number in range(3)] == [3, 4, 0]
    assert queue[1].tolist() == [-1] * 5


def test_a_queued_item_changes_its_priority_up_and_down() -> None:
    queue = [array[0] for array in empty_queue(3)[:3]] + [empty_queue(3).size]
    for item, priority in ((0, 1.0), (1, 2.0), (2, 3.0), (0, 4.0), (2, 0.5)):
        push(*queue, item, priority)
    assert [pop(*queue) for _number in range(3)] == [0, 1, 2]


def test_it_equals_a_search_for_the_highest_priority() -> None:
    generator = np.random.default_rng(0)
    queue = [array[0] for array in empty_queue(40)[:3]] + [empty_queue(40).size]
    waiting: dict[int, float] = {}
    for _number in range(5000):
        if waiting and generator.random() < 0.4:
            item = pop(*queue)
            assert waiting.pop(item) == max([*waiting.values(), queue[2][item]])
        else:
            item, priority = int(generator.integers(40)), float(generator.random())
            waiting[item] = priority
            push(*queue, item, priority)
        assert queue[3][0] == len(waiting)
        assert sorted(queue[0][: len(waiting)].tolist()) == sorted(waiting)
