"""Ways that cannot share a process, as two settings of TensorFlow: each in a process of its own.

The processes take turns, one call each, as ways within a process do, so that a machine that is busy
slows all; one that waits has nothing to do.
"""

import contextlib
import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAUSE = 0.02  # seconds before a call: threads that wait for more work spin a while


@contextlib.contextmanager
def way(module, *words, **environment):
    """A function that has another process make one call, and returns when it has.

    Args:
        module: its `prepare(*words)` makes the call, which returns when the work is done.
        words: strings.
        environment: variables that differ from this process's.
    """
    command = [sys.executable, "-m", __name__, module, *words]
    # The first call of a child waits until it has prepared.
    child = subprocess.Popen(
        command, cwd=ROOT, env={**os.environ, **environment}, text=True, bufsize=1,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip

    def call():
        time.sleep(PAUSE)
        child.stdin.write("\n")
        said = child.stdout.readline()
        if not said.startswith("ms "):
            raise RuntimeError(f"{' '.join(command)} ended; run it to see why")
        return float(said.split()[1])

    try:
        yield call
    finally:
        child.kill()  # TensorFlow may hang at the end of a process
        child.wait()


def main():
    import importlib

    module, *words = sys.argv[1:]
    out = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what libraries print is no answer
    call = importlib.import_module(module).prepare(*words)
    for _ in sys.stdin:
        start = time.perf_counter()
        call()
        out.write(f"ms {1e3 * (time.perf_counter() - start)}\n")


if __name__ == "__main__":
    main()
