"""One thread for TensorFlow, so that sums have one order; and two logical devices to share work."""

import gc
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")  # as `import tfgen` does
os.environ["CUDA_VISIBLE_DEVICES"] = ""
os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=0")  # or tests mostly compile

import pytest
import tensorflow as tf

tf.config.threading.set_intra_op_parallelism_threads(1)
tf.config.threading.set_inter_op_parallelism_threads(1)
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
)


@pytest.fixture(scope="session")
def two_devices():
    """One strategy for the session: TensorFlow's collectives remember shapes across strategies."""
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
    """What imports have made, half a million objects, is not looked through in every collection."""
    gc.collect()
    gc.freeze()
