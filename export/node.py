"""JavaScript runtimes: where Node.js is, and its packages of onnxruntime."""

import os
import shutil
import subprocess
from pathlib import Path

from tfgen.errors import InputError
from tfgen.files import replacing

VERSION = "1.30.0"  # of both packages
PACKAGES = ("onnxruntime-node", "onnxruntime-web")


def executable(name="node"):
    """The path of `node` or `npm`; an InputError where it is not installed."""
    found = shutil.which(name)
    if found is None:
        raise InputError(f"{name} is not installed; install Node.js 18 or newer (Debian: nodejs and npm)")
    return found


def modules():
    """The folder node_modules with both packages, fetched by npm into the cache on first use."""
    # Its install script would fetch CUDA's libraries.
    os.environ.setdefault("ONNXRUNTIME_NODE_INSTALL_CUDA", "skip")
    return installed(f"onnxruntime-js-{VERSION}", [f"{name}@{VERSION}" for name in PACKAGES])


def installed(name, packages):
    """The folder node_modules with these packages, in the cache under a name of its own."""
    cache = Path(os.environ.get("TFGEN_CACHE") or Path.home() / ".cache" / "tfgen")
    folder = cache / name
    if not folder.exists():
        with replacing(folder) as part:
            part.mkdir(parents=True)
            (part / "package.json").write_text("{}")
            command = [executable("npm"), "install", "--no-audit", "--no-fund", *packages]
            run = subprocess.run(command, cwd=part, capture_output=True, text=True)
            if run.returncode:
                last = run.stderr.strip().splitlines()[-1:]
                raise InputError(f"npm cannot install {' and '.join(packages)}: {' '.join(last)}")
    return folder / "node_modules"
