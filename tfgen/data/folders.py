"""What a folder of images holds: its files, splits and classes, or the line that says what is in the way."""

import os
import re
from pathlib import Path

from tfgen.data import captions
from tfgen.data.sources import Files
from tfgen.data.splits import ranges
from tfgen.errors import InputError
from tfgen.files import IMAGES

_SPLIT = re.compile(r"(?i:(train|test|val)(?:ing|id|idation)?)([AB]?)")


def split_of(name):
    """The split that a folder or the name of an array means, as "train" of "Training", or None."""
    match = _SPLIT.fullmatch(name)
    if not match:
        return None
    word = match[1].lower()
    return ("validation" if word == "val" else word) + match[2]


def _files(root):
    """The images below `root`, as sorted tuples of names, each folder read once.

    What is hidden is left out, and so are run folders, whose pictures are samples.
    """
    found, seen = [], set()
    folders, links = [(str(root), ())], []  # links last, so that a folder keeps the name of its own
    while folders or links:
        folder, inside = folders.pop() if folders else links.pop(0)
        if os.path.realpath(folder) in seen:
            continue
        seen.add(os.path.realpath(folder))
        try:
            with os.scandir(folder) as entries:
                entries = [e for e in entries if not e.name.startswith((".", "__MACOSX"))]
        except OSError as error:
            raise InputError(
                f"cannot read the folder {folder}: {error.strerror}; allow it, or move the folder elsewhere"
            ) from None
        if any(entry.name == "run.json" for entry in entries):
            if not inside:
                raise InputError(f"{root} is the folder of a run, not of images; give the images' own folder")
            continue
        for entry in entries:
            if entry.is_dir():
                (links if entry.is_symlink() else folders).append((entry.path, (*inside, entry.name)))
            elif entry.name.lower().endswith(IMAGES):
                found.append((*inside, entry.name))
    return sorted(found)


def _beside(root, kind, folders, files):
    others = f"{len(files)} images" if len(files) > 1 else "an image"
    raise InputError(
        f"{root} has {kind} ({', '.join(sorted(folders)[:4])}) and beside them {others}: "
        f"{os.path.join(*files[0])}; move what is beside them into one of them, or remove it"
    )


class Folder:
    """The images of a folder by split.

    Attributes:
        splits: {name: files}, as tuples of names from the root.
        depth: how many folders name the split, 0 or 1.
        branches: the names of the folders right below, () if there are files too; ("A", "B") of folders
            trainA and trainB.
    """

    def __init__(self, root):
        self.root = Path(root)
        files = _files(root)
        if not files:
            raise InputError(f"{root} has no images ({', '.join(IMAGES)}), nor have its subfolders")
        tops = {parts[0] for parts in files if len(parts) > 1}
        named = {top for top in tops if split_of(top)}
        # One folder "train" among others may be a class; train and test are splits.
        are_splits = bool(named) and (named == tops or len({split_of(top) for top in named}) > 1)
        strays = [parts for parts in files if len(parts) == 1 or (are_splits and parts[0] not in named)]
        if tops and strays:
            kind = "folders of splits" if are_splits else "class folders"
            _beside(root, kind, named if are_splits else tops, strays)
        self.depth = int(are_splits)
        self.splits = {}
        for parts in files:
            self.splits.setdefault(split_of(parts[0]) if are_splits else "train", []).append(parts)
        for parts in self.splits.values():
            classes = {each[self.depth] for each in parts if len(each) > self.depth + 1}
            flat = [each for each in parts if len(each) == self.depth + 1]
            if classes and flat:
                _beside(root / Path(*flat[0][:-1]), "class folders", classes, flat)
        self.branches = ()
        self.sided = {split[-1] for split in self.splits} == {"A", "B"}  # trainA and trainB
        if self.sided:
            self.branches = ("A", "B")
        elif all(len(parts) > self.depth + 1 for parts in files):
            self.branches = tuple(sorted({parts[self.depth] for parts in files}))

    def _chosen(self, split, splits):
        counts = {name: len(files) for name, files in splits.items()}
        return [
            parts
            for name, start, stop in ranges(split, counts)
            for parts in splits[name][start:stop]
        ]  # fmt: skip

    def _paths(self, files):
        return [os.path.join(self.root, *parts) for parts in files]

    def images(self, split):
        """The `Files` of a split, with class folders as labels."""
        deep = [p for files in self.splits.values() for p in files if len(p) > self.depth + 1]
        classes = {name: number for number, name in enumerate(sorted({p[self.depth] for p in deep}))}
        chosen = self._chosen(split, self.splits)
        texts = captions.read(self.root, chosen)
        if not all(len(parts) > self.depth + 1 for parts in chosen):
            return Files([self._paths(chosen)], captions=texts)
        labels = [classes[parts[self.depth]] for parts in chosen]
        return Files([self._paths(chosen)], labels, tuple(classes), captions=texts)

    def branch(self, split, name):
        """The `Files` of a split in the subfolder `name` alone."""
        return Files([self._paths(self._chosen(split, self._of(name)))])

    def pairs(self, split, pair):
        """The `Files` of a split in two branches, by equal names but for their endings."""
        first, second = map(self._of, pair)
        partners = {}
        for name in dict.fromkeys([*first, *second]):
            inputs, images = (self._by_stem(each.get(name, [])) for each in (first, second))
            self._check_partners([inputs[stem] for stem in inputs if stem not in images], pair[1], pair)
            self._check_partners([images[stem] for stem in images if stem not in inputs], pair[0], pair)
            partners |= {parts: images[stem] for stem, parts in inputs.items()}
        inputs = self._chosen(split, first)
        images = [partners[parts] for parts in inputs]
        return Files([self._paths(inputs), self._paths(images)], names=("inputs", "images"))

    def _by_stem(self, files):
        """{place within its branch without the ending: file}."""
        found, above = {}, 1 if self.sided else self.depth + 1
        for parts in files:
            stem = (*parts[above:-1], os.path.splitext(parts[-1])[0])
            if stem in found:
                raise InputError(
                    f"{self.root / Path(*found[stem])} and {parts[-1]} have one name, and one partner; "
                    f"remove one of the two"
                )
            found[stem] = parts
        return found

    def _check_partners(self, alone, there, pair):
        """Refuses files that have none, by name."""
        if alone:
            names = [str(self.root / Path(*parts)) for parts in alone]
            many = f"{len(names)} images have" if len(names) > 1 else f"{names[0]} has"
            named = f" ({', '.join(names[:4])}{', ...' if len(names) > 4 else ''})" if len(names) > 1 else ""
            raise InputError(
                f"{many} no partner in {there}{named}; a pair has the same name in {pair[0]} and {pair[1]}"
            )

    def _of(self, name):
        """{split: files} of a branch."""
        if self.sided:
            return {s.removesuffix(name): files for s, files in self.splits.items() if s.endswith(name)}
        found = {s: [p for p in files if p[self.depth] == name] for s, files in self.splits.items()}
        return {split: files for split, files in found.items() if files}
