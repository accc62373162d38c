"""What a batch of the server is: calls that wait share one, and spoil no other."""

import asyncio
import threading

import numpy as np

from export.serving.queue import Queue


def _doubled(sizes, hold=None):
    def function(arrays):
        sizes.append(len(arrays["x"]))
        if hold is not None:
            hold.wait(10)
        return {"y": 2 * arrays["x"], "z": arrays["x"][:, 0]}

    return function


def _rows(value, count=1):
    return {"x": np.full((count, 3), value, "float32")}


def _gathered(most_rows, counts, cancel=()):
    """Sizes of the batches and results of calls that come while the first one runs."""

    async def run():
        sizes, hold = [], threading.Event()
        queue = Queue(_doubled(sizes, hold), most_rows)
        tasks = [asyncio.create_task(queue(_rows(0, counts[0])))]
        while not sizes:
            await asyncio.sleep(0.001)
        tasks += [asyncio.create_task(queue(_rows(k, counts[k]))) for k in range(1, len(counts))]
        await asyncio.sleep(0)  # they wait
        for k in cancel:
            tasks[k].cancel()
        hold.set()
        results = await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 10)
        queue.close()
        return sizes, results

    return asyncio.run(run())


def test_requests_that_wait_share_a_batch():
    sizes, results = _gathered(8, [1, 2, 3, 1])
    assert sizes == [1, 6]
    for k, (result, count) in enumerate(zip(results, [1, 2, 3, 1])):
        np.testing.assert_array_equal(result["y"], np.full((count, 3), 2 * k))
        np.testing.assert_array_equal(result["z"], np.full(count, k))


def test_batches_have_at_most_so_many_rows():
    sizes, results = _gathered(4, [1, 3, 2, 4, 1])
    assert sum(sizes) == 11 and max(sizes) <= 4
    assert [len(result["y"]) for result in results] == [1, 3, 2, 4, 1]


def test_calls_without_rows_run_one_by_one():
    sizes, _ = _gathered(None, [1, 1, 1])
    assert sizes == [1, 1, 1]


def test_cancelled_calls_leave_the_others_alone():
    for cancel in ([0], [1], [2], [0, 1]):
        sizes, results = _gathered(8, [1, 1, 1, 1], cancel)
        assert sizes == [1, 2 if cancel != [0] else 3]  # what waited does not run
        for k, result in enumerate(results):
            if k in cancel:
                assert isinstance(result, asyncio.CancelledError)
            else:
                assert result["y"][0, 0] == 2 * k


def test_an_error_ends_its_calls_and_no_others():
    def function(arrays):
        if arrays["x"].max() > 1:
            raise ValueError("too large")
        return arrays

    async def run():
        queue = Queue(function)
        results = await asyncio.gather(*(queue(_rows(k)) for k in (0, 2, 1)), return_exceptions=True)
        assert [type(result) for result in results] == [dict, ValueError, dict]
        assert (await queue(_rows(1)))["x"].max() == 1
        queue.close()

    asyncio.run(run())
