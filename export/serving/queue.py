"""A function that runs in a thread of its own, on what has gathered while it was running."""

import asyncio
import collections
from concurrent.futures import ThreadPoolExecutor

import numpy as np


class Queue:
    """Calls of one function, one after the other, without holding the event loop.

    A call that finds the function idle runs at once. Calls that come meanwhile wait, and then run
    as one batch: their arrays are concatenated, the results split. Unlike in MLServer's own batcher
    no call waits for others to come, one that is cancelled leaves those that it shares a batch
    with alone, and a batch is measured in rows.

    Args:
        function: of {name: array}, to {name: array}. Its errors go to every call of the batch, so
            what comes in must be checked.
        most_rows: of a batch; None for a function whose calls cannot share one.
    """

    def __init__(self, function, most_rows=None):
        self._function, self._most_rows = function, most_rows
        self._waiting = collections.deque()
        self._thread = ThreadPoolExecutor(1)
        self._running = None  # the task; kept, for the loop does not keep it

    async def __call__(self, arrays):
        """The function's result for these arrays, {name: array}."""
        future = asyncio.get_running_loop().create_future()
        self._waiting.append((arrays, future))
        if self._running is None:
            self._running = asyncio.create_task(self._run())
        return await future

    def close(self):
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def _run(self):
        loop = asyncio.get_running_loop()
        while batch := self._batch():
            try:
                results = await loop.run_in_executor(self._thread, self._call, [a for a, _ in batch])
            except Exception as error:
                results = [error] * len(batch)
            for (_, future), result in zip(batch, results):
                if future.done():  # cancelled
                    continue
                if isinstance(result, Exception):
                    future.set_exception(result)
                else:
                    future.set_result(result)
        self._running = None

    def _batch(self):
        """The calls that run next; none if nothing waits."""
        batch, rows = [], 0
        while self._waiting:
            arrays, future = self._waiting[0]
            if not future.done():
                more = len(next(iter(arrays.values()))) if self._most_rows else 1
                if batch and rows + more > (self._most_rows or 1):
                    break
                batch.append((arrays, future))
                rows += more
            self._waiting.popleft()
        return batch

    def _call(self, batch):
        if len(batch) == 1:
            return [self._function(batch[0])]
        merged = {name: np.concatenate([arrays[name] for arrays in batch]) for name in batch[0]}
        ends = np.cumsum([len(next(iter(arrays.values()))) for arrays in batch])[:-1]
        parts = {name: np.split(array, ends) for name, array in self._function(merged).items()}
        return [dict(zip(parts, some)) for some in zip(*parts.values())]
