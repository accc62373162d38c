"""Programs that run an artifact without tfgen, in Python, JavaScript and C++: the lines of its card."""

import json

import numpy as np

from tfgen.export.folders import of_role
from tfgen.fields import Events

from .examples import SHOWN, example_labels, given, trained_size

CTYPES = {"int64": ("int64_t", "long long"), "int32": ("int32_t", "int"), "float32": ("float", "float")}


def numbers(model):
    """What the numbers of the model's images are, a sentence."""
    low, high = model.value_range
    shape = " x ".join(map(str, model.image_shape))
    if isinstance(model.fields.get("images"), Events):
        return (
            f"Tunes are float32 of {shape}: a tone's length in quarter notes, pitch and intensity as MIDI "
            f"numbers them, and the quarter notes since the tone before began."
        )
    return f"Images are float32 of {shape} in [{low:g}, {high:g}]."


def _feeds(model, signature, captions):
    """(name, dtype, shape, values) of each input of a sampler, for the images of the card; values of captions
    are texts."""
    options = {name: option.default for name, option in model.options.items()}
    known = {"seed": 0, "n": SHOWN, **given(model, SHOWN, captions), **options}
    for one in signature["inputs"]:
        value, dtype = known[one["name"]], one["dtype"]
        if one["name"] == "captions":
            yield "captions", dtype, (len(value), one["shape"][1]), value
            continue
        array = np.asarray(value, dtype)
        yield one["name"], dtype, array.shape, array.ravel().tolist()


def _asked(model, others):
    """(name, dtype, shape, values) of what a translator takes beside an image, as for the card's."""
    for one in others:
        array = np.zeros((), one["dtype"])
        if one["name"] == "labels":
            array = np.asarray(example_labels(model, 2)[1:], one["dtype"])
        yield one["name"], one["dtype"], array.shape, array.ravel().tolist()


def programs(model, manifest):
    """Paragraphs of Markdown: what to copy in each language, for each role of a signature."""
    for name in of_role(manifest, "sampler")[:1]:
        feeds = list(_feeds(model, manifest["signatures"][name], manifest.get("captions", ())))
        yield (
            f"Samples of seed 0, as above; these programs need neither tfgen nor TensorFlow. {numbers(model)}"
        )
        yield f"```python\n{_python(model, name, feeds)}\n```"
        yield "In JavaScript, as a module (in a page: of onnxruntime-web):"
        yield f"```js\n{_javascript(name, feeds)}\n```"
        yield "In C++:"
        yield f"```cpp\n{_cpp(name, feeds)}\n```"
    for name in of_role(manifest, "extender"):
        signature = manifest["signatures"][name]
        sizes = ""
        if "multiple" in signature:
            sizes = f" of any height and width that are multiples of {signature['multiple']}"
        yield (
            f"`{name}` takes {model.given} frames{sizes} and gives the {model.predicted} that follow, to be "
            f"given in turn; it needs neither tfgen nor TensorFlow. {numbers(model)}"
        )
        yield f"```python\n{_extension(model, name, signature)}\n```"
    for name in of_role(manifest, "translator"):
        signature = manifest["signatures"][name]
        sizes = "the sizes of the signature"
        if "multiple" in signature:
            sizes = f"any height and width that are multiples of {signature['multiple']}"
        yield f"`{name}` takes images of {sizes}; it needs neither tfgen nor TensorFlow. {numbers(model)}"
        photo = _photo(manifest, name)
        yield f"```python\n{_translation(model, name, signature, photo)}\n```"
        if photo == "inputs.png":
            yield "In JavaScript, as a module, of the drawing above:"
            yield f"```js\n{_translation_in_javascript(model, name, signature)}\n```"
            yield "In C++:"
            yield f"```cpp\n{_translation_in_cpp(model, name, signature)}\n```"


def _extension(model, name, signature):
    (frames,), (made,) = signature["inputs"], signature["outputs"]
    low, high = frames["values"]["low"], frames["values"]["high"]
    given, more = (one["shape"][1] for one in (frames, made))
    values = f"np.clip({_unit(model, 'following')}, 0, 1)"
    return (
        "# pip install numpy onnxruntime\n"
        "import numpy as np, onnxruntime\n"
        f'session = onnxruntime.InferenceSession("onnx/{name}.onnx")\n'
        f'frames = np.load("clip.npz")["frames"][-{given}:]  # bytes (t, height, width, channels)\n'
        f"frames = np.float32(frames)[None] / 255 * {high - low:g} + {low:g}\n"
        f'following = session.run(None, {{"{frames["name"]}": frames}})[0][0]  # {more} more\n'
        f'np.savez("following.npz", frames=np.uint8(np.rint({values} * 255)))'
    ).replace("+ -", "- ")


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
    height, width = (size or trained for size, trained in zip(image["shape"][1:3], trained_size(model)))
    channels = image["shape"][3]
    mode = {1: "L", 3: "RGB"}[channels]
    given = [f'"{image["name"]}": image']
    given += [f'"{name}": {_array(name, *rest)}' for name, *rest in _asked(model, others)]
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
    given += [f"{name}: {_tensor(name, *rest)}" for name, *rest in _asked(model, others)]
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
    for feed in _asked(model, others):
        lines += _value(*feed)
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


def _array(name, dtype, shape, values):
    """An expression in Python for an array; of captions for their bytes, in lower case."""
    if name == "captions":
        padded = f'text.lower().encode().ljust({shape[1]}, b"\\0")'
        return f'np.array([list({padded}) for text in {values}], "{dtype}")'
    text = f'np.array({values if shape else values[0]}, "{dtype}")'
    return f"{text}.reshape{shape}" if len(shape) > 1 else text


def _tensor(name, dtype, shape, values):
    """The same in JavaScript."""
    sizes = f"[{', '.join(map(str, shape))}]"
    if name == "captions":
        letters = f"Array.from({{ length: {shape[1]} }}, (_, i) => text.toLowerCase().charCodeAt(i) || 0)"
        numbers = f"Int32Array.from({json.dumps(values)}.flatMap((text) => {letters}))"
        return f'new ort.Tensor("{dtype}", {numbers}, {sizes})'
    arrays = {"int64": "BigInt64Array", "int32": "Int32Array", "float32": "Float32Array"}
    numbers = ", ".join(f"{value}n" if dtype == "int64" else f"{value:g}" for value in values)
    return f'new ort.Tensor("{dtype}", {arrays[dtype]}.of({numbers}), {sizes})'


def _value(name, dtype, shape, values):
    """Lines of C++ that add it to the inputs."""
    kind, sizes = CTYPES[dtype][0], ", ".join(map(str, shape))
    size = str(len(values))
    if name == "captions":
        texts = ", ".join(map(json.dumps, values))
        lines = [
            f"  std::vector<{kind}> {name};",
            f"  for (std::string text : {{{texts}}}) {{",
            f"    text.resize({shape[1]});",
            f"    for (char letter : text) {name}.push_back(std::tolower(letter));",
            "  }",
        ]
        pointer, size = f"{name}.data()", f"{name}.size()"
    else:
        numbers = ", ".join(f"{value:g}" for value in values)
        lines, pointer = [f"  {kind} {name}[] = {{{numbers}}};"], name
    return [
        *lines,
        f"  std::vector<int64_t> {name}_shape = {{{sizes}}};",
        f"  inputs.push_back(Ort::Value::CreateTensor<{kind}>(cpu, {pointer}, {size}, "
        f"{name}_shape.data(), {name}_shape.size()));",
    ]


def _python(model, name, feeds):
    given = ", ".join(f'"{key}": {_array(key, *rest)}' for key, *rest in feeds)
    seen = "images.max(axis=1)" if len(model.image_shape) == 4 else "images"  # volumes from the front
    if isinstance(model.fields.get("images"), Events):
        return (
            "# pip install numpy onnxruntime\n"
            "import numpy as np, onnxruntime\n"
            f'session = onnxruntime.InferenceSession("onnx/{name}.onnx")\n'
            f"events = session.run(None, {{{given}}})[0]\n"
            'np.savez("seed0.npz", events=events)'
        )
    return (
        "# pip install numpy onnxruntime pillow\n"
        "import numpy as np, onnxruntime\n"
        "from PIL import Image\n"
        f'session = onnxruntime.InferenceSession("onnx/{name}.onnx")\n'
        f"images = session.run(None, {{{given}}})[0]\n"
        f'Image.fromarray({_picture(model, f"np.hstack({seen})")}).save("seed0.png")'
    )


def _javascript(sampler, feeds):
    given = ", ".join(f"{name}: {_tensor(name, *rest)}" for name, *rest in feeds)
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
        *["#include <cctype>"] * any(name == "captions" for name, *_ in feeds),
        "#include <onnxruntime_cxx_api.h>",
        "int main() {",
        "  Ort::Env env;",
        f'  Ort::Session session(env, "onnx/{sampler}.onnx", Ort::SessionOptions());',
        "  auto cpu = Ort::MemoryInfo::CreateCpu(OrtDeviceAllocator, OrtMemTypeCPU);",
        "  std::vector<Ort::Value> inputs;",
    ]
    for feed in feeds:
        lines += _value(*feed)
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
