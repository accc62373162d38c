"""The card of an artifact: its README.md, written from what was measured."""

import inspect
import re
import sys

import numpy as np

from tfgen import pictures
from tfgen.export.folders import of_role
from tfgen.metrics.score import Score, beside_references, said

PICTURES = {  # whether there are inputs and samples: lines of the card
    (False, False): [],
    (False, True): ["![the first images of seed 0](samples.png)"],
    (True, True): ["![a drawing](inputs.png) ![its translation of seed 0](samples.png)"],
}
CANDIDATES, MOST = 4096, 32  # colours looked at, and of a palette
RARE, FLAT = 5e-4, 0.8  # shares of the pixels: of the rarest colour, and of all of a palette
NEAR, APART = 2, 12  # levels within which pixels have a colour, and between colours
CTYPES = {"int64": ("int64_t", "long long"), "int32": ("int32_t", "int"), "float32": ("float", "float")}


def example_labels(spec, classes, n):
    """Labels of n images that show what a conditional model knows; None if it has none."""
    if spec is None:
        return None
    if classes:
        return np.arange(n, dtype="int32") % classes
    return np.float32(np.arange(n)[:, None] >> np.arange(spec.shape[1]) & 1)  # every combination of the first


def palette(images):
    """The flat colours of label maps or of ink on paper, by how often they occur: bytes (k, channels).

    None for images whose pixels are not nearly all of a few colours, as photographs.

    Args:
        images: bytes (n, h, w, channels).
    """
    colours, counts = np.unique(images.reshape(-1, images.shape[-1]), axis=0, return_counts=True)
    order = np.argsort(-counts, kind="stable")[:CANDIDATES]
    colours, share = colours[order].astype(int), counts[order] / counts.sum()
    left, found, covered = np.ones(len(colours), bool), [], 0.0
    while left.any() and len(found) < MOST:
        best = np.argmax(left * share)
        if share[best] < RARE:
            break
        apart = abs(colours - colours[best]).max(axis=1)
        covered += share[left & (apart <= NEAR)].sum()  # JPEG's noise, of flat areas
        left &= apart > APART
        found.append(colours[best])
    return np.uint8(found) if covered >= FLAT else None


def drawing(height, width, channels, colours=None):
    """A house under the sun, for a translator to begin with: bytes (height, width, channels).

    Args:
        colours: of label maps, bytes (k, channels), which then take the place of its own.
    """
    y, x = np.mgrid[:height, :width] / np.reshape((height, width), (2, 1, 1))
    image = np.full((height, width, 3), (150, 190, 240))
    image[(x - 0.8) ** 2 + (y - 0.2) ** 2 < 0.01] = (250, 220, 60)
    image[y > 0.85] = (90, 150, 70)
    image[(abs(x - 0.4) < 0.5 * (y - 0.15)) & (y < 0.45)] = (170, 60, 50)
    image[(abs(x - 0.4) < 0.25) & (0.45 < y) & (y < 0.9)] = (220, 200, 170)
    image[(abs(abs(x - 0.4) - 0.12) < 0.06) & (abs(y - 0.62) < 0.07)] = (60, 80, 120)
    if colours is not None:
        _, which, counts = np.unique(image.reshape(-1, 3), axis=0, return_inverse=True, return_counts=True)
        often = np.argsort(np.argsort(-counts, kind="stable"))  # the commonest is the commonest
        return colours[often[which].reshape(height, width) % len(colours)]
    return np.uint8(image if channels == 3 else np.rint(image.mean(axis=-1, keepdims=True)))


def example(model, colours=None):
    """(a drawing, in `colours` where there are any; its translation of seed 0), as pictures."""
    inputs = drawing(*_trained(model), model.conditions["inputs"].shape[-1], colours)
    made = model.translate(inputs[None], seed=0)
    return pictures.to_picture(inputs), pictures.to_picture(pictures.to_uint8(made, model.value_range)[0])


def _trained(model):
    """(height, width) of the inputs of a model that translates, in training."""
    return tuple(size // model.scale for size in model.image_shape[:2])


def strip(model, n):
    """The first n images of seed 0 side by side, as a picture."""
    images = model.sample(n, seed=0, labels=example_labels(model.label_spec, model.classes, n))
    return pictures.to_picture(np.hstack(pictures.to_uint8(images, model.value_range)))


def text(model, manifest, folder, scores):
    """The card, in Markdown.

    Args:
        model: the model that was exported.
        manifest: of the artifact, but for "files".
        folder: the artifact, with all its other files.
        scores: a list as RUN/scores.json has it, or a sentence, or None.
    """
    shown = [(folder / f"{name}.png").exists() for name in ("inputs", "samples")]
    about = {**manifest, "step": manifest["model"]["step"], "scores": scores, "pictures": PICTURES[*shown]}
    parts = [
        *_head(model, about),
        "## Run it",
        *_programs(model, manifest),
        "## Signatures",
        _signatures(manifest),
        "## Formats",
        _formats(manifest, folder),
        *(["## Speed", _speed(manifest["speed"])] if "speed" in manifest else []),
        *_tail(about),
    ]
    return "\n\n".join(parts) + "\n"


def of_shipped(name, model, about, exact):
    """The card of a model that comes with tfgen.

    Args:
        name: the shipped model's.
        model: it.
        about: what its model.json says.
        exact: whether its weights are stored in float32, else in float16.
    """
    stored = (
        "The weights are stored as they were trained, in float32."
        if exact
        else "The weights are stored in float16: up to 1 in 30 of its images' values differs, by one of 255 "
        "levels, from those of the float32 weights, to which the scores belong."
    )
    example = f'import tfgen\n\nmodel = tfgen.load("{name}")\nimages = model.sample(8, seed=0)'
    parts = [
        *_head(model, {**about, "pictures": PICTURES[False, True]}),
        "## Use it",
        f"```python\n{example}\n```",
        f"```sh\ntfgen sample {name}\ntfgen-export make {name} --to artifacts/{name}\n```",
        f"{_values(model)} {stored}",
        *_tail(about),
    ]
    return "\n\n".join(parts) + "\n"


def _head(model, about):
    """The title, the picture, the paper, and how the model was trained."""
    source = [about["run"]["data"]["source"]] if "run" in about else []
    return [
        f"# {', '.join([type(model).__name__, *source])}",
        *about["pictures"],
        *_reference(type(model)),
        _provenance(about),
    ]


def _tail(about):
    trained = "The code is under the Apache License 2.0."
    if "run" in about:
        source = about["run"]["data"]["source"]
        trained += f" The weights were trained on {source}, whose licence is its publisher's."
    return ["## Scores", _scores(about.get("scores")), trained]


def _reference(cls):
    """The paragraph of the model's file that names its paper, if one does."""
    paragraphs = (inspect.getdoc(sys.modules[cls.__module__]) or "").split("\n\n")
    return [" ".join(paragraph.split()) for paragraph in paragraphs if "http" in paragraph][:1]


def _provenance(about):
    config = ", ".join(f"{name}={value}" for name, value in about["model"]["config"].items())
    if "run" not in about:
        return f"{about['step']:,} steps. `{config}`"
    run = about["run"]
    options = {name: value for name, value in run["data"]["options"].items() if name != "split"}
    chosen = f" ({', '.join(f'{name}={value}' for name, value in options.items())})" if options else ""
    return (
        f"Trained on {run['data']['source']}{chosen}: {run['epochs']} epochs in batches of "
        f"{run['batch_size']}, seed {run['seed']}, {about['step']:,} steps. `{config}`"
    )


def _values(model):
    low, high = model.value_range
    shape = " x ".join(map(str, model.image_shape))
    return f"Images are float32 of {shape} in [{low:g}, {high:g}]."


def _feeds(model, signature):
    """(name, dtype, shape, values) of each input of a sampler, for the images of the card."""
    from .artifact import SHOWN

    labels = example_labels(model.label_spec, model.classes, SHOWN)
    options = {name: option.default for name, option in model.options.items()}
    known = {"seed": 0, "n": SHOWN, "labels": labels, **options}
    for one in signature["inputs"]:
        array = np.asarray(known[one["name"]], one["dtype"])
        yield one["name"], one["dtype"], array.shape, array.ravel().tolist()


def _programs(model, manifest):
    for name in of_role(manifest, "sampler")[:1]:
        feeds = list(_feeds(model, manifest["signatures"][name]))
        yield (
            f"Samples of seed 0, as above; these programs need neither tfgen nor TensorFlow. {_values(model)}"
        )
        yield f"```python\n{_python(model, name, feeds)}\n```"
        yield "In JavaScript, as a module (in a page: of onnxruntime-web):"
        yield f"```js\n{_javascript(name, feeds)}\n```"
        yield "In C++:"
        yield f"```cpp\n{_cpp(name, feeds)}\n```"
    for name in of_role(manifest, "translator"):
        signature = manifest["signatures"][name]
        sizes = "the sizes of the signature"
        if "multiple" in signature:
            sizes = f"any height and width that are multiples of {signature['multiple']}"
        yield f"`{name}` takes images of {sizes}; it needs neither tfgen nor TensorFlow. {_values(model)}"
        photo = _photo(manifest, name)
        yield f"```python\n{_translation(model, name, signature, photo)}\n```"
        if photo == "inputs.png":
            yield "In JavaScript, as a module, of the drawing above:"
            yield f"```js\n{_translation_in_javascript(model, name, signature)}\n```"
            yield "In C++:"
            yield f"```cpp\n{_translation_in_cpp(model, name, signature)}\n```"


def _picture(model, array):
    """An expression for bytes of an array in the model's range, as an image has them."""
    return f"np.uint8(np.rint(np.clip({_unit(model, array)}, 0, 1) * 255)).squeeze()"


def _photo(manifest, name):
    """What a translator's program reads: the card's drawing, and back again its translation."""
    first, *_ = of_role(manifest, "translator")
    return "inputs.png" if name == first else "samples.png"


def _translation(model, name, signature, photo):
    image, *others = signature["inputs"]
    low, high = image["values"]["low"], image["values"]["high"]
    height, width = (size or trained for size, trained in zip(image["shape"][1:3], _trained(model)))
    channels = image["shape"][3]
    mode = {1: "L", 3: "RGB"}[channels]
    given = [f'"{image["name"]}": image']
    given += [f'"{other["name"]}": np.array(0, "{other["dtype"]}")' for other in others]
    return (
        "# pip install numpy onnxruntime pillow\n"
        "import numpy as np, onnxruntime\n"
        "from PIL import Image\n"
        f'session = onnxruntime.InferenceSession("onnx/{name}.onnx")\n'
        f'photo = Image.open("{photo}").convert("{mode}").resize(({width}, {height}))\n'
        f"image = np.float32(photo).reshape(1, {height}, {width}, {channels})\n"
        f"image = image / 255 * {high - low:g} + {low:g}\n"
        f"translation = session.run(None, {{{', '.join(given)}}})[0][0]\n"
        f'Image.fromarray({_picture(model, "translation")}).save("translation.png")'
    ).replace("+ -", "- ")


def _scaled(signature, byte):
    """An expression for the number that a signature's image has for a byte, in languages like C."""
    low, high = (signature["inputs"][0]["values"][end] for end in ("low", "high"))
    shift = f" {'-' if low < 0 else '+'} {abs(low):g}" if low else ""
    return f"{byte} / 255.0 * {high - low:g}{shift}"


def _unit(model, value):
    """An expression for a number in the model's range, as one in [0, 1]."""
    low, high = model.value_range
    return value if (low, high) == (0, 1) else f"({value} - {low:g}) / {high - low:g}".replace("- -", "+ ")


def _translation_in_javascript(model, name, signature):
    image, *others = signature["inputs"]
    channels, made = image["shape"][3], signature["outputs"][0]["shape"][3]
    byte = f"data[4 * Math.floor(i / {channels}) + (i % {channels})]" if channels > 1 else "data[4 * i]"
    value = f"{name}.data[{made} * (i >> 2) + (i & 3)]" if made > 1 else f"{name}.data[i >> 2]"
    given = [image["name"]]
    given += [f'{one["name"]}: new ort.Tensor("{one["dtype"]}", BigInt64Array.of(0n), [])' for one in others]
    return (
        f"// npm install onnxruntime-node pngjs; node {name}.mjs\n"
        'import fs from "node:fs";\n'
        'import ort from "onnxruntime-node";\n'
        'import { PNG } from "pngjs";\n'
        'const { width, height, data } = PNG.sync.read(fs.readFileSync("inputs.png"));\n'
        f"const pixels = new Float32Array(height * width * {channels}).map((_, i) => "
        f"{_scaled(signature, byte)});\n"
        f'const {image["name"]} = new ort.Tensor("float32", pixels, [1, height, width, {channels}]);\n'
        f'const session = await ort.InferenceSession.create("onnx/{name}.onnx");\n'
        f"const {{ {name} }} = await session.run({{ {', '.join(given)} }});\n"
        f"const png = new PNG({{ height: {name}.dims[1], width: {name}.dims[2] }});\n"
        "png.data.forEach((_, i) => {\n"
        f"  const unit = {_unit(model, value)};\n"
        "  png.data[i] = i % 4 === 3 ? 255 : Math.round(255 * Math.min(Math.max(unit, 0), 1));\n"
        "});\n"
        'fs.writeFileSync("translation.png", PNG.sync.write(png));'
    )


def _translation_in_cpp(model, name, signature):
    image, *others = signature["inputs"]
    channels, made = image["shape"][3], signature["outputs"][0]["shape"][3]
    formats = {1: "PNG_FORMAT_GRAY", 3: "PNG_FORMAT_RGB"}
    lines = [
        f"// g++ -std=c++17 {name}.cpp -lonnxruntime -lpng",
        "#include <algorithm>",
        "#include <cmath>",
        "#include <onnxruntime_cxx_api.h>",
        "#include <png.h>",
        "int main() {",
        "  png_image png = {};",
        "  png.version = PNG_IMAGE_VERSION;",
        '  png_image_begin_read_from_file(&png, "inputs.png");',
        f"  png.format = {formats[channels]};",
        "  std::vector<png_byte> bytes(PNG_IMAGE_SIZE(png));",
        "  png_image_finish_read(&png, nullptr, bytes.data(), 0, nullptr);",
        "  std::vector<float> pixels;",
        f"  for (int byte : bytes) pixels.push_back({_scaled(signature, 'byte')});",
        f"  int64_t shape[] = {{1, png.height, png.width, {channels}}};",
        "  Ort::Env env;",
        f'  Ort::Session session(env, "onnx/{name}.onnx", Ort::SessionOptions());',
        "  auto cpu = Ort::MemoryInfo::CreateCpu(OrtDeviceAllocator, OrtMemTypeCPU);",
        "  std::vector<Ort::Value> inputs;",
        "  inputs.push_back(Ort::Value::CreateTensor<float>(cpu, pixels.data(), pixels.size(), shape, 4));",
    ]
    for one in others:
        kind = CTYPES[one["dtype"]][0]
        lines += [
            f"  {kind} {one['name']} = 0;",
            f"  inputs.push_back(Ort::Value::CreateTensor<{kind}>(cpu, &{one['name']}, 1, nullptr, 0));",
        ]
    names = ", ".join(f'"{one["name"]}"' for one in signature["inputs"])
    lines += [
        f'  const char *in[] = {{{names}}}, *out[] = {{"{name}"}};',
        "  auto outputs = session.Run(Ort::RunOptions(), in, inputs.data(), inputs.size(), out, 1);",
        "  auto sizes = outputs[0].GetTensorTypeAndShapeInfo().GetShape();",
        "  png.height = sizes[1], png.width = sizes[2];",
        f"  png.format = {formats[made]};",
        "  bytes.resize(PNG_IMAGE_SIZE(png));",
        "  const float *made = outputs[0].GetTensorData<float>();",
        "  for (size_t i = 0; i < bytes.size(); ++i)",
        f"    bytes[i] = std::lround(255 * std::clamp({_unit(model, 'made[i]')}, 0.0f, 1.0f));",
        '  png_image_write_to_file(&png, "translation.png", 0, bytes.data(), 0, nullptr);',
        "}",
    ]
    return "\n".join(lines)


def _python(model, name, feeds):
    def array(dtype, shape, values):
        text = f'np.array({values if shape else values[0]}, "{dtype}")'
        return f"{text}.reshape{shape}" if len(shape) > 1 else text

    given = ", ".join(f'"{key}": {array(*rest)}' for key, *rest in feeds)
    return (
        "# pip install numpy onnxruntime pillow\n"
        "import numpy as np, onnxruntime\n"
        "from PIL import Image\n"
        f'session = onnxruntime.InferenceSession("onnx/{name}.onnx")\n'
        f"images = session.run(None, {{{given}}})[0]\n"
        f'Image.fromarray({_picture(model, "np.hstack(images)")}).save("seed0.png")'
    )


def _javascript(sampler, feeds):
    arrays = {"int64": "BigInt64Array", "int32": "Int32Array", "float32": "Float32Array"}

    def tensor(dtype, shape, values):
        numbers = ", ".join(f"{value}n" if dtype == "int64" else f"{value:g}" for value in values)
        return f'new ort.Tensor("{dtype}", {arrays[dtype]}.of({numbers}), [{", ".join(map(str, shape))}])'

    given = ", ".join(f"{name}: {tensor(*rest)}" for name, *rest in feeds)
    return (
        "// npm install onnxruntime-node; node sample.mjs\n"
        'import ort from "onnxruntime-node";\n'
        f'const session = await ort.InferenceSession.create("onnx/{sampler}.onnx");\n'
        f"const {{ {sampler} }} = await session.run({{ {given} }});\n"
        f"console.log({sampler}.dims, {sampler}.data);"
    )


def _cpp(sampler, feeds):
    lines = [
        "// g++ -std=c++17 sample.cpp -lonnxruntime",
        "#include <onnxruntime_cxx_api.h>",
        "int main() {",
        "  Ort::Env env;",
        f'  Ort::Session session(env, "onnx/{sampler}.onnx", Ort::SessionOptions());',
        "  auto cpu = Ort::MemoryInfo::CreateCpu(OrtDeviceAllocator, OrtMemTypeCPU);",
        "  std::vector<Ort::Value> inputs;",
    ]
    for name, dtype, shape, values in feeds:
        kind = CTYPES[dtype][0]
        numbers, sizes = ", ".join(f"{value:g}" for value in values), ", ".join(map(str, shape))
        lines += [
            f"  {kind} {name}[] = {{{numbers}}};",
            f"  std::vector<int64_t> {name}_shape = {{{sizes}}};",
            f"  inputs.push_back(Ort::Value::CreateTensor<{kind}>(cpu, {name}, {len(values)}, "
            f"{name}_shape.data(), {name}_shape.size()));",
        ]
    names = ", ".join(f'"{name}"' for name, *_ in feeds)
    return "\n".join(
        [
            *lines,
            f'  const char *in[] = {{{names}}}, *out[] = {{"{sampler}"}};',
            "  auto outputs = session.Run(Ort::RunOptions(), in, inputs.data(), inputs.size(), out, 1);",
            "  const float *images = outputs[0].GetTensorData<float>();",
            "}",
        ]
    )


def _row(*cells):
    return f"| {' | '.join(cells)} |"


def _table(head, rows):
    return "\n".join([_row(*head), _row(*["---"] * len(head)), *(_row(*cells) for cells in rows)])


def _signatures(manifest):
    def told(tensors):
        return ", ".join(
            f"{t['name']} {t['dtype']} ({', '.join('n' if s is None else str(s) for s in t['shape'])})"
            for t in tensors
        )

    rows = [
        (f"`{name}`", told(one["inputs"]), told(one["outputs"]))
        for name, one in manifest["signatures"].items()
    ]
    text = _table(("Signature", "Inputs", "Outputs"), rows)
    return (
        f"{text}\n\nLabels, by number: {', '.join(manifest['labels'])}." if manifest.get("labels") else text
    )


def _formats(manifest, folder):
    """Size and largest difference of each format, and what is not in it."""
    rows = []
    for name, one in manifest["formats"].items():
        size = sum(path.stat().st_size for path in (folder / name).rglob("*") if path.is_file())
        worst = max(one["differences"].values(), default=None)
        missing = "; ".join(f"`{signature}`: {reason}" for signature, reason in one["refused"].items())
        shown = "" if worst is None else f"{worst:.1e}"
        rows.append(
            (f"`{name}/`", f"{size / 1e3:.0f} kB", shown, f"{one['bound']:.0e}", missing or "nothing")
        )
    return (
        "Differences are from the Keras model, over the largest output, at batches of 1, 3, 7 and 64.\n\n"
        + _table(("Folder", "Size", "Largest difference", "Bound", "Not written"), rows)
    )


def _speed(speed):
    """Milliseconds a call by runtime, the fastest in bold."""
    runtimes = list(dict.fromkeys(name for one in speed["rows"] for name in one["times"]))

    def cell(one, name):
        if name not in one["times"]:
            return ""
        text = f"{one['times'][name]['median_ms']:.2f}"
        return f"**{text}**" if name == one["fastest"] else text

    rows = [
        (f"`{one['signature']}`", str(one["batch"]), *(cell(one, name) for name in runtimes))
        for one in speed["rows"]
    ]
    text = _table(("Signature", "Batch", *runtimes), rows)
    return f"{text}\n\nMedian milliseconds a call, in turn in one process on {speed['cores']} cores of a CPU."


def _scores(scores):
    if not isinstance(scores, list):
        return scores or "Not evaluated."
    found = beside_references([Score(**one) for one in scores])
    columns = list(dict.fromkeys(what for _, references in found for what in references))
    rows = []
    for score, references in found:
        error = f" ± {score.standard_error:.2g}" if score.standard_error else ""
        others = [f"{references[what].value:.4g}" if what in references else "" for what in columns]
        rows.append((score.name, f"{score.value:.4g}{error}", *others))
    head = ("Score", "Value", *(f"Of {what}" for what in columns))
    return f"{_table(head, rows)}\n\nProtocol: {re.sub(r'/[^ ,]*/', '', said(scores[0]['protocol']))}."
