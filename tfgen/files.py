"""Files that are either the old ones or the new ones, never half of one."""

import contextlib
import os
import shutil
from pathlib import Path

ARRAYS = (".npy", ".npz")  # endings of files of arrays
IMAGES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp")  # endings of those that are read


def fsync(path):
    """Sends a file or a folder to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _remove(path):
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


@contextlib.contextmanager
def replacing(path):
    """Yields a temporary path beside `path`; what is written there becomes `path` at the end.

    The temporary name is `path`'s own behind ".part-", so that its suffix is kept and a
    writer that was killed leaves at most one such file, which the next one replaces. A
    block that raises leaves `path` as it was. The block may make a file or a folder; an
    existing folder is replaced only if it is empty.
    """
    path = Path(path)
    part = path.with_name(f".part-{path.name}")
    if part.is_dir():
        shutil.rmtree(part)
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        yield part
        fsync(part)
        os.replace(part, path)
    except BaseException:
        _remove(part)
        raise
    fsync(path.parent)
