"""`tfgen-export page DIR... --to SITE`: a static page that runs artifacts in the browser.

SITE/index.html and beside it       the page, from export/site
SITE/ort/                           onnxruntime-web's WebAssembly build and its licence
SITE/artifacts/NAME/SIGNATURE.onnx  what the page asks of each artifact
SITE/artifacts/NAME/inputs.png      the image that a translator begins with
SITE/manifest.json                  {"artifacts": [...]}, and the SHA-256 of each file

It loads nothing from elsewhere, so any server of files serves it.
"""

import functools
import http.server
import shutil
from pathlib import Path
from typing import Annotated

import typer

from tfgen.cli.console import import_tensorflow
from tfgen.errors import InputError

SOURCE = Path(__file__).with_name("site")
RUNTIME = ("ort.wasm.bundle.min.mjs", "ort-wasm-simd-threaded.wasm")
LICENCES = ("LICENSE", "ThirdPartyNotices.txt")


def command(
    artifacts: Annotated[list[Path], typer.Argument(help="Artifact folders.", metavar="DIR...")],
    to: Annotated[Path, typer.Option(help="A new folder, an empty one or an earlier page.")],
    serve: Annotated[
        int | None,
        typer.Option(
            help="Then serve it at this port of 127.0.0.1 until Ctrl-C.", metavar="PORT", min=1, max=65535
        ),
    ] = None,
):
    """Writes a page that draws an artifact's images in the browser, by seed, class and latent, or translates.

    \b
    Examples:
      tfgen-export page artifacts/digits --to site
      tfgen-export page artifacts/* --to site --serve 8000
    """
    import_tensorflow()
    write(artifacts, to)
    size = sum(path.stat().st_size for path in to.rglob("*") if path.is_file())
    print(f"the page: {to}, {size / 1e6:.1f} MB; to look at it: python -m http.server -d {to}")
    if serve is not None:
        with server(to, serve) as running:
            print(f"http://127.0.0.1:{running.server_port}/ until Ctrl-C")
            try:
                running.serve_forever()
            except KeyboardInterrupt:
                pass


def write(artifacts, to):
    """Writes the page of artifact folders into the folder `to`, at once or not at all.

    Raises:
        InputError: an artifact is damaged or draws no pictures, two have one name, or `to` holds
            something other than a page. What was at `to` is left as it was.
    """
    import onnxruntime

    from tfgen.export import folders

    from . import node

    artifacts, to = [Path(folder).resolve() for folder in artifacts], Path(to).resolve()
    names = [folder.name for folder in artifacts]
    for folder in artifacts:
        if names.count(folder.name) > 1:
            raise InputError(f"two artifacts have the name {folder.name!r}; rename the folder of one")
        if folder in to.parents:
            raise InputError(f"{to} lies in the artifact {folder}; give a folder outside of it")
    shown = [described(folder) for folder in artifacts]
    runtime = node.modules() / "onnxruntime-web" / "dist"
    licences = Path(onnxruntime.__file__).parent
    with folders.staged(to) as (site, earlier):
        if earlier is not None and "artifacts" not in earlier:
            raise InputError(f"{to} is an artifact; give a new folder, an empty one or an earlier page")
        shutil.copytree(SOURCE, site, dirs_exist_ok=True)
        (site / "ort").mkdir()
        for path in [*(runtime / name for name in RUNTIME), *(licences / name for name in LICENCES)]:
            shutil.copyfile(path, site / "ort" / path.name)
        for folder, artifact in zip(artifacts, shown):
            (site / "artifacts" / folder.name).mkdir(parents=True)
            for name in artifact["signatures"]:
                file = f"{name}.onnx"
                shutil.copyfile(folder / "onnx" / file, site / "artifacts" / folder.name / file)
            if "translators" in artifact:
                shutil.copyfile(folder / "inputs.png", site / "artifacts" / folder.name / "inputs.png")
        folders.seal(site, {"artifacts": shown, "onnxruntime": node.VERSION})


def described(folder):
    """What the page has to know of an artifact: a dict for its manifest.

    Its signatures are `latents` with the decoder of a model whose images are functions of z (and of
    labels), and `inpaint_step` where there is one; else the sampler and, where there is one, `grow`; or
    the translators.
    """
    from tfgen.export import folders

    manifest = folders.opened(folder)
    if "onnx" not in manifest["formats"]:
        raise InputError(f"{folder} has no onnx, which a browser runs; export it in that format")
    have = {
        name: one
        for name, one in manifest["signatures"].items()
        if name not in manifest["formats"]["onnx"]["refused"]
    }
    model = manifest["model"]
    about = {
        "name": folder.name,
        "model": model["class_name"],
        "data": manifest.get("run", {}).get("data", {}).get("source"),
        "value_range": model["value_range"],
        **{name: model[name] for name in ("decades",) if name in model},
        "labels": manifest.get("labels", []),  # their names
        **{name: manifest[name] for name in ("captions",) if name in manifest},  # of data, as examples
    }
    sampler = next((name for name, one in have.items() if one["role"] == "sampler"), None)
    if sampler is None:
        names = _translators(folder, have)
        palette = {"palette": manifest["palette"]} if "palette" in manifest else {}
        shown = {"translators": names, **palette, "signatures": {name: have[name] for name in names}}
        return {**about, "image_shape": have[names[0]]["outputs"][0]["shape"][1:], **shown}
    shape = have[sampler]["outputs"][0]["shape"][1:]
    if len(shape) not in (3, 4) or shape[-1] not in (1, 3):
        raise InputError(
            f"{folder} draws arrays of shape {shape}; a page shows (height, width, 1 or 3), and volumes"
        )
    labels = next((one for one in have[sampler]["inputs"] if one["name"] == "labels"), None)
    if labels is not None and labels["values"]["distribution"] == "normal":
        raise InputError(f"{folder} takes labels of any size, for which a page has no slider")
    places = next((one for one in have[sampler]["inputs"] if one["name"] == "places"), None)
    if places is not None and places["values"]["distribution"] != "boxes":
        raise InputError(f"{folder} takes points, which a page does not give; it gives boxes")
    decoders = [name for name, one in have.items() if one["role"] == "decoder" and "latents" in have]
    decoders = [n for n in decoders if {one["name"] for one in have[n]["inputs"]} <= {"z", "labels"}]
    wanted = ("latents", decoders[0], "inpaint_step") if decoders else (sampler, "grow")
    names = [name for name in wanted if name in have]
    return {
        **about,
        "image_shape": shape,
        "sampler": sampler,
        "decoder": decoders[0] if decoders else None,
        "signatures": {name: have[name] for name in names},
    }


def _translators(folder, have):
    """The names of the signatures that the page can run: of one image, its labels, and a seed of noise."""
    names = [name for name, one in have.items() if one["role"] == "translator"]
    if not names:
        raise InputError(
            f"the page shows models that sample or translate, and {folder} has no such signature as onnx; "
            f"its README.md says how to run what it has"
        )
    for name in names:
        (image, *others), (made, *_) = have[name]["inputs"], have[name]["outputs"]
        shapes = [image["shape"], made["shape"]]
        if any(len(shape) != 4 or shape[-1] not in (1, 3) for shape in shapes):
            raise InputError(
                f"{folder} makes {shapes[1]} of {shapes[0]}; a page shows (n, height, width, 1 or 3)"
            )
        named = [one["name"] for one in others]
        if named not in ([], ["seed"], ["labels"], ["labels", "seed"]):
            named = ", ".join(named)
            raise InputError(f"{folder}: {name} takes {named} beside an image, which a page does not give")
    if not (folder / "inputs.png").exists():
        raise InputError(
            f"{folder} has no inputs.png, with which the page begins; make the artifact by tfgen-export make"
        )
    return names


def server(site, port=0):
    """An HTTP server of a folder on 127.0.0.1, on a free port for 0; it is quiet."""

    class Handler(http.server.SimpleHTTPRequestHandler):
        def end_headers(self):
            self.send_header("Cache-Control", "no-cache")  # a page that is written anew is seen anew
            super().end_headers()

        def log_message(self, *args):
            pass

    try:
        return http.server.ThreadingHTTPServer(
            ("127.0.0.1", port), functools.partial(Handler, directory=str(site))
        )
    except OSError as error:
        raise InputError(f"cannot serve at port {port}: {error.strerror}; give another --serve") from error
