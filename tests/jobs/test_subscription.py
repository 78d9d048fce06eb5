"""A viewer waits for news, gets urgent ones at once, and at most four messages in any second."""

import asyncio
import threading

import pytest

from app.jobs import subscription as subscription_module
from app.jobs.hub import Hub
from tests.jobs.test_hub import Change, points


class Time:
    """A clock that only moves when somebody waits."""

    def __init__(self, monkeypatch):
        self.now = 0.0
        monkeypatch.setattr(subscription_module.asyncio, "sleep", self.sleep)
        monkeypatch.setattr(subscription_module.asyncio, "wait_for", self.wait_for)

    def __call__(self):
        return self.now

    async def sleep(self, seconds):
        self.now += seconds

    async def wait_for(self, awaitable, seconds):
        awaitable.close()
        self.now += seconds
        raise TimeoutError


@pytest.fixture
def time(monkeypatch):
    return Time(monkeypatch)


def test_messages_come_at_most_four_times_a_second(time):
    async def body():
        hub = Hub(time)
        viewer = hub.subscribe([1])
        hub.publish([points(1, 0, 1)])
        times = []
        for number in range(12):
            await viewer.next_message()
            times.append(time.now)
            hub.publish([points(1, number + 1, 1)])
        for start in times:
            assert sum(start <= other < start + 1.0 for other in times) <= 4
        assert times[-1] == pytest.approx(11 / 4)

    asyncio.run(body())


def test_a_runs_first_point_does_not_wait(time):
    async def body():
        hub = Hub(time)
        viewer = hub.subscribe([1])
        hub.publish([Change(1, "run", {"state": "running"})])
        await viewer.next_message()
        hub.publish([points(1, 0, 1)])
        message = await viewer.next_message()
        assert time.now == 0.0
        assert "points" in message.data["runs"]["1"]

    asyncio.run(body())


def test_urgent_news_keep_the_rate_too(time):
    async def body():
        hub = Hub(time)
        viewer = hub.subscribe()
        times = []
        for run in range(20):
            hub.publish([Change(run, "run", {"state": "queued"})])
            await viewer.next_message()
            times.append(time.now)
        for start in times:
            assert sum(start <= other < start + 1.0 for other in times) <= 4

    asyncio.run(body())


def test_a_publish_from_another_thread_wakes_the_viewer():
    async def body():
        hub = Hub()
        viewer = hub.subscribe([1])
        thread = threading.Thread(target=lambda: hub.publish([Change(1, "run", {"state": "queued"})]))
        thread.start()
        message = await asyncio.wait_for(viewer.next_message(), 10)
        thread.join()
        assert message.data["runs"]["1"]["run"] == {"state": "queued"}

    asyncio.run(body())


def test_a_closed_viewer_is_forgotten():
    async def body():
        hub = Hub()
        viewer = hub.subscribe([1])
        viewer.close()
        assert not hub._subscriptions
        return viewer, hub

    viewer, hub = asyncio.run(body())
    hub.publish([Change(1, "run", {"state": "queued"})])
    viewer.wake(urgent=True)


def test_news_of_other_runs_do_not_wake():
    async def body():
        hub = Hub()
        viewer = hub.subscribe([1])
        hub.publish([Change(2, "run", {"state": "queued"})])
        hub.live(3, {"type": "progress", "step": 1})
        assert not viewer._changed.is_set()

    asyncio.run(body())
