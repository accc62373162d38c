"""The folder of an export: it appears at once or not at all, and knows each of its files."""

import contextlib
import hashlib
import json
import os
import shutil
from pathlib import Path

from tfgen.errors import InputError
from tfgen.files import fsync

FORMAT = 2  # of the manifest; weights have had names since 2
MANIFEST = "manifest.json"


def _alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def _leftovers(folder):
    """(kind, path) for what ended processes left beside `folder`: kind is "tmp" or "old"."""
    prefix = f".{folder.name}."
    for path in folder.parent.glob(".*"):
        kind, _, pid = path.name.removeprefix(prefix).partition("-")
        if path.name.startswith(prefix) and kind in ("tmp", "old") and pid.isdigit():
            if int(pid) == os.getpid() or not _alive(int(pid)):
                yield kind, path


def _restore(folder):
    """Puts the old folder back where a process died between the two renames of `_publish`."""
    for kind, path in _leftovers(folder):
        if kind == "old" and not folder.exists():
            path.rename(folder)


def _publish(temporary, folder):
    for path in (temporary, *temporary.rglob("*")):
        fsync(path)
    aside = folder.with_name(f".{folder.name}.old-{os.getpid()}")
    if folder.exists():
        folder.rename(aside)
    try:
        temporary.rename(folder)
    except OSError:
        if aside.exists():
            aside.rename(folder)
        raise
    fsync(folder.parent)
    shutil.rmtree(aside, ignore_errors=True)


def _earlier(folder):
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return None
    if not (folder / MANIFEST).is_file():
        raise InputError(f"{folder} is no export; expected a new folder, an empty one or an export")
    return opened(folder)


@contextlib.contextmanager
def staged(folder):
    """A temporary folder beside `folder`, which takes its place when the block ends well.

    Yields it, and the manifest of the export that is at `folder` (None if there is none).
    Until then `folder` stays as it was. A process that is killed leaves it old or new; only
    between two renames is there none, and then the next export or `verify` brings the old
    one back. An OSError, as that of a full disk, becomes an InputError.
    """
    folder = Path(folder).resolve()
    temporary = folder.with_name(f".{folder.name}.tmp-{os.getpid()}")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        _restore(folder)
        for _, path in list(_leftovers(folder)):
            shutil.rmtree(path)
        earlier = _earlier(folder)
        temporary.mkdir()
        yield temporary, earlier
        _publish(temporary, folder)
    except OSError as error:
        raise InputError(
            f"cannot write the export {folder}: {error.strerror or error}; it is left as it was"
        ) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _digest(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _digest_of(manifest):
    rest = {key: value for key, value in manifest.items() if key != "sha256"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()


def _files(folder):
    paths = (path for path in folder.rglob("*") if not path.is_dir())
    return {path.relative_to(folder).as_posix(): path for path in paths}


def seal(folder, manifest):
    """Writes the manifest with the size and the SHA-256 of every file, and of itself."""
    files = {
        name: {"size": path.stat().st_size, "sha256": _digest(path)}
        for name, path in sorted(_files(folder).items())
    }
    manifest = {"format": FORMAT, **manifest, "files": files}
    manifest["sha256"] = _digest_of(manifest)
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n")


def opened(folder):
    """The manifest of an export whose files are all as they were written.

    Raises:
        InputError: for what is no export, and for one with a missing, extra or changed
            file, which it names.
    """
    folder = Path(folder).resolve()
    _restore(folder)
    try:
        manifest = json.loads((folder / MANIFEST).read_text())
        sealed = manifest["sha256"] == _digest_of(manifest)
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(f"{folder} is not an export: it has no {MANIFEST}") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        sealed = False
    if not sealed:
        raise InputError(f"{folder}: {MANIFEST} is not as it was written; export into a new folder")
    if manifest.get("format") != FORMAT:
        raise InputError(
            f"{folder} has a manifest of format {manifest.get('format')}; this tfgen reads {FORMAT}: "
            f"export it again"
        )
    known, found = manifest["files"], _files(folder)
    del found[MANIFEST]
    damage = {
        "missing": known.keys() - found,
        "extra": found.keys() - known,
        "changed": {
            name
            for name in known.keys() & found
            if found[name].stat().st_size != known[name]["size"]
            or _digest(found[name]) != known[name]["sha256"]
        },
    }
    if any(damage.values()):
        what = "; ".join(f"{kind}: {', '.join(sorted(names))}" for kind, names in damage.items() if names)
        raise InputError(f"{folder} is not as it was exported ({what}); export into a new folder")
    return manifest


def of_role(manifest, role):
    """The names of the signatures of a role, as a manifest says them."""
    return [name for name, one in manifest["signatures"].items() if one["role"] == role]
