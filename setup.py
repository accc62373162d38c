"""The package tfgen; requirements.txt pins the set of versions that is tested."""

import re
from pathlib import Path

from setuptools import find_packages, setup

here = Path(__file__).parent
runtimes = ["openvino>=2026.4", "ai-edge-litert>=2.3"]  # of `tfgen-export`, beside onnxruntime
serve = ["mlserver>=1.7.1,<1.8", "tritonclient[http,grpc]>=2.73"]
music, sentences = ["mido>=1.3"], ["sacrebleu>=2.6"]
# With pytest 9.2, xdist 3.8 does not keep the tests of a group together, which share fixtures.
test = [
    *("pytest>=9,<9.2", "pytest-timeout>=2.4", "pytest-xdist>=3.8", "playwright>=1.65"),
    "scikit-image>=0.26",  # the oracle of scores of pairs
    *(*runtimes, *serve, *music, *sentences),
]

setup(
    name="tfgen",
    version=re.search(r'__version__ = "(.+)"', (here / "tfgen/version.py").read_text())[1],
    description="Generative models for Keras and TensorFlow, one paper a file, with exported artifacts",
    long_description=(here / "README.md").read_text(),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    # The deployment tool lies in export/, and is installed as tfgen_export.
    packages=[
        *find_packages(include=["tfgen", "tfgen.*"]),
        *(f"tfgen_{name}" for name in find_packages(include=["export", "export.*"])),
    ],
    package_dir={"tfgen_export": "export"},
    package_data={
        "tfgen": ["py.typed", "shipped/*/*"],
        "tfgen_export": ["site/*"],
        "tfgen_export.runtimes": ["*.mjs"],
    },
    python_requires=">=3.11,<3.14",
    install_requires=[
        "tensorflow>=2.21,<2.22",
        "keras>=3.15,<3.16",
        "tf-keras>=2.21,<2.22",
        "tensorflow-probability>=0.25",
        "tensorflow-datasets>=4.9.10",
        "importlib_resources>=6",  # TFDS 4.9.10 downloads with it and does not say so
        "numpy>=2.1",
        "onnx>=1.23",
        "onnxruntime>=1.31",
        "tf2onnx>=1.17",
        "onnxslim>=0.1.98",
        "scikit-learn>=1.7",
        "scipy>=1.15",
        "matplotlib>=3.10",
        "pillow>=12",
        "tensorboard>=2.20",
        "typer>=0.20",
    ],
    extras_require={
        **{"runtimes": runtimes, "serve": serve, "music": music, "sentences": sentences},
        **{"test": test, "dev": [*test, "ruff>=0.17"]},
    },
    entry_points={"console_scripts": ["tfgen = tfgen.cli:main", "tfgen-export = tfgen_export.__main__:main"]},
)
