"""One thread for TensorFlow, so that sums have one order; and two logical devices to share work."""

import functools
import gc
import os
import time

gc.disable()  # until all is imported, which makes a million objects and no garbage
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")  # as `import tfgen` does
os.environ["CUDA_VISIBLE_DEVICES"] = ""
os.environ["CI"] = "true"  # so that OpenVINO starts no processes that report it
os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=0")  # or tests mostly compile

import pytest
import xdist


def pytest_sessionstart(session):
    if xdist.is_xdist_controller(session):  # it hands tests out, and imports no TensorFlow
        return
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    tf.config.set_logical_device_configuration(
        tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
    )
    if not session.config.getoption("--everything"):
        # A graph that runs four times costs more to optimize than it gains: a twelfth of the suite.
        tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
        # Nor is Python's stack kept for each operation, a twentieth of the suite.
        from tensorflow.python.framework import ops

        ops._create_c_op = functools.partial(ops._create_c_op, extract_traceback=False)


@pytest.fixture(scope="session")
def two_devices():
    """One strategy for the session: TensorFlow's collectives remember shapes across strategies."""
    import tensorflow as tf

    return tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])


def pytest_addoption(parser):
    parser.addoption("--everything", action="store_true", help="every model by every mechanism as well")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config, items):
    """With `--dist loadgroup` a file's tests share a process, and so what its fixtures made."""
    if not config.getoption("--everything"):
        left = [item for item in items if item.get_closest_marker("everything")]
        config.hook.pytest_deselected(items=left)
        items[:] = [item for item in items if item.get_closest_marker("everything") is None]
    for item in items:
        if item.get_closest_marker("xdist_group") is None:
            item.add_marker(pytest.mark.xdist_group(item.path.name))


def pytest_collection_finish():
    """What imports have made is not looked through in every collection."""
    gc.freeze()
    gc.set_threshold(20_000, 10, 1_000_000)  # of all generations by the hook below
    gc.enable()


def pytest_sessionfinish():
    """What a process holds at its end is not looked through once more, by pytest and by Python."""
    gc.freeze()


collected = 0.0


def pytest_runtest_logfinish():
    """A collection every few seconds: Python cannot know that a traced graph is megabytes.

    It takes half a second by the end of a part.
    """
    global collected
    if time.process_time() - collected > 12:
        gc.collect()
        collected = time.process_time()
