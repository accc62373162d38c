"""What a model takes of a source: whether it is there, and the shapes of a batch's images."""

import os

import numpy as np

from tfgen.data import captions
from tfgen.data.clips import GIVE
from tfgen.data.modes import Points
from tfgen.data.sentences import Sentences
from tfgen.data.sources import Domains, Files, Fixed
from tfgen.data.tunes import Tunes
from tfgen.errors import InputError
from tfgen.fields import Events, Words

TONES = 64  # of a tune, where no model says how many


def name_of(source):
    """How a line calls a source."""
    return source if isinstance(source, (str, os.PathLike)) else f"the {type(source).__name__}"


def fields_of(model):
    """{name: Field} of what a model takes, in order; {} of None."""
    return {} if model is None else dict(model.fields)


def specs_of(model):
    """{name: TensorSpec} of what a model takes, in order; {} of None."""
    return {} if model is None else {name: field.spec(name) for name, field in model.fields.items()}


def _missing(source, origin, model, specs):
    """Refuses a model that takes what the source has not."""
    for name in specs:
        # `checked` asks for labels, and any image may be taken without them.
        if name in source.shapes or name in ("labels", "labels_a", "unlabelled"):
            continue
        told = {"labels": source.labelled}
        told |= {each: getattr(source, each) is not None for each in ("captions", "places")}
        if told.get(name):
            continue
        have = [*source.shapes, *(name for name, there in told.items() if there)]
        raise InputError(
            f"{type(model).__name__} trains on {', '.join(specs)}; {origin} has {', '.join(have)}"
            f"{_how_to_give(name, source)}"
        )


def _how_to_give(name, source):
    """What to do with a source that has no inputs, or no domains."""
    if name == "captions":
        return (
            f"; give the texts of a folder's images in {captions.FILE} (name, tab, text), of arrays as "
            f"'captions', of a TFDS set as its feature 'caption'"
        )
    if name == "places":
        return "; give boxes or points of arrays as 'places', or take placed_digits"
    two = ",".join(source.class_names) if len(source.class_names) == 2 else None
    if name == "images_a" and two:
        return f"; give domains={two}"
    if name == "images_a":
        return (
            "; give folders A and B, or trainA and trainB, or domains=... (another source, or an attribute)"
        )
    if name == "frames":
        return f"; {GIVE}"
    if name != "inputs":
        return ""
    if two:
        return f"; if they are pairs, of the same names in both folders, give pair={two}, the inputs first"
    shapes = [shape for shape, _ in source.headers["images"]] if isinstance(source, Files) else [source.shape]
    if all(None not in shape and shape[1] == 2 * shape[0] for shape in shapes):
        return (
            "; they are twice as wide as high: if each is a pair side by side, give pair=left,right, or "
            "pair=right,left if the inputs are on the right"
        )
    return "; give pairs, as folders A and B with the same names, or side by side and pair=left,right"


def places_of(source, origin, model):
    """The places of a source's examples as a model takes them: float32 (count, k, 4 or 3).

    Raises:
        InputError: places of another shape, or outside of the image.
    """
    field, owner, places = model.fields["places"], type(model).__name__, np.asarray(source.places)
    if places.shape[1:] != field.shape:
        raise InputError(
            f"{owner} takes places {('n', *field.shape)}; those of {origin} are {('n', *places.shape[1:])}; "
            f"build the model with as many".replace("'", "")
        )
    (height, width), (tall, wide) = source.shape[:2], model.image_shape[:2]
    if None in (height, width) or height * wide != width * tall:
        raise InputError(
            f"places are shares of a whole image; those of {origin} would be cut to {tall}x{wide}; give "
            f"images of one shape, and build the model with it"
        )
    return field.received(places, "places", owner)


def _as_is(source, origin, model, image_shape):
    """{"images": shape} of images that nothing resizes, once they are the model's."""
    have = source.shape
    said, field = f"{source.kind} of {'x'.join(map(str, have))}", None
    if image_shape is not None and tuple(image_shape) != have:
        raise InputError(f"{origin} has {said}, which are not resized; received image_shape={image_shape}")
    if model is not None:
        field = model.fields["images"]
        owner, wanted = type(model).__name__, "x".join("any" if s is None else str(s) for s in field.shape)
        if not field.spec("images").shape[1:].is_compatible_with(have):
            raise InputError(
                f"{owner} takes images of {wanted}; {origin} has {said}, which are not resized; resample "
                f"them, or build the model with image_shape={have}"
            )
        if field.unit and source.measured is None:
            raise _no_unit(owner, field, origin)
    if source.measured is not None:
        if field is None or not field.unit:
            low, high = source.measured
            raise InputError(f"float images must lie in [0, 1]; found {low:g} to {high:g}; scale them")
        if bool(field.foreign(*source.measured)):
            raise field.error(*source.measured, "images", owner)
    return {"images": have}


def _no_unit(owner, field, origin):
    return InputError(
        f"{owner} takes images in {field.unit}, floats in [{field.low:g}, {field.high:g}], of which some are "
        f"above 1; {origin} has bytes or shares"
    )


def _of_music(model):
    return model is not None and isinstance(model.fields.get("images"), Events)


def _sentences(source, origin, model, field):
    """{"inputs": (length,), "images": (length,)} of a model of words, in whose numbers the source is then."""
    if not isinstance(field, Words):
        owner = "a batch" if model is None else type(model).__name__
        raise InputError(
            f"{origin} has sentences, of which {owner} makes no numbers; give for_model=CSGAN(...)"
        )
    source.numbered(model.fields)
    return {name: model.fields[name].shape for name in ("inputs", "images")}


def _tunes(source, origin, model, field, image_shape):
    """(tones, 4) of a batch, once model and source are both of tunes."""
    owner = type(model).__name__
    if not isinstance(source, Tunes):
        raise InputError(
            f"{owner} makes tunes; {origin} has images; give a folder of .mid files, an .npz file of events, "
            f"or scales"
        )
    if model is not None and not isinstance(field, Events):
        raise InputError(f"{owner} trains on {', '.join(model.fields)}; {origin} has tunes")
    wanted = (TONES, 4) if model is None else field.shape
    if image_shape is not None and (len(image_shape) != 2 or image_shape[1] != 4 or image_shape[0] < 1):
        raise InputError(f"image_shape of tunes is (tones, 4); received {image_shape}")
    if image_shape is not None and model is not None and tuple(image_shape) != wanted:
        raise InputError(f"image_shape is {image_shape}, but {owner} takes tunes of {wanted}")
    return wanted if image_shape is None else tuple(image_shape)


def shapes_of(source, origin, model=None, image_shape=None):
    """{name: (h, w, c)} of the images of a batch, of volumes (d, h, w, c), or why there are none."""
    if isinstance(source, Fixed) and not isinstance(source, Points) and not _of_music(model):
        _missing(source, origin, model, specs_of(model))
        return _as_is(source, origin, model, image_shape)
    field = None if model is None else model.fields.get("images")
    if isinstance(source, Sentences):
        return _sentences(source, origin, model, field)
    if isinstance(source, Tunes) or isinstance(field, Events):
        return {"images": _tunes(source, origin, model, field, image_shape)}
    if len(getattr(field, "shape", ())) == 4:
        raise InputError(
            f"{type(model).__name__} takes volumes of {'x'.join(map(str, field.shape))}; {origin} has "
            f"images; give an .npy or .npz file of volumes (n, depth, height, width, channels)"
        )
    if getattr(field, "unit", ""):
        raise _no_unit(type(model).__name__, field, origin)
    if image_shape is not None and (len(image_shape) != 3 or min(image_shape) < 1):
        raise InputError(f"image_shape must be (height, width, channels); received {image_shape}")
    specs = specs_of(model)
    _missing(source, origin, model, specs)
    shapes = {}
    for name, shape in source.shapes.items():  # of a folder: looks into the files
        needed = specs[name].shape[1:] if name in specs else (None, None, None)
        if image_shape is not None:
            # The channels of inputs are the model's matter, or their own.
            asked = (*image_shape[:2], (needed[2] or shape[2]) if name == "inputs" else image_shape[2])
            asked = (*shape[:-3], *asked)  # of a clip, its frames
            if name in specs and not needed.is_compatible_with(asked):
                raise InputError(f"image_shape is {image_shape}, but the model's {name} are {tuple(needed)}")
            shape = asked
        elif name == "inputs" and "inputs" not in specs and "images" in specs:
            shape = (*specs["images"].shape[1:3], shape[2])
        needed = needed if name in specs else [None] * len(shape)
        shape = tuple(want or have for want, have in zip(needed, shape))
        *_, height, width, channels = shape
        if None in (height, width):
            raise InputError(
                f"the images of {origin} have no size in common; give image_shape=(height, width, channels)"
            )
        if channels is None:
            raise InputError(
                f"{origin} mixes grey and colour images; give image_shape=(height, width, 1 or 3)"
            )
        if isinstance(source, Points) and shape != source.shape:
            raise InputError(f"{origin} is points of shape {source.shape}; received image_shape={shape}")
        if channels not in (source.shapes[name][-1], 1, 3):
            raise InputError(f"cannot make images of {channels} channels from {origin}; give 1 or 3")
        shapes[name] = shape
    if len({shape[:2] for shape in shapes.values()}) > 1 and not isinstance(source, Domains):
        raise InputError(f"a pair has one size; received {shapes}")
    return shapes
