"""Collects the films that the tables of a public data set list, and finds their image files."""

from __future__ import annotations

import logging
import os
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from ...common.failures import Failure
from ...common.refusal import RefusedInput
from ..attributes import read_view
from ..sources import failure
from ..tables import Row

logger = logging.getLogger(__name__)

Reading = tuple[list[str], list[dict[str, Any]], list[Failure]]
_SUFFIXES = (".png", ".jpg", ".jpeg", ".dcm")  # of copies in another format
Argument = TypeVar("Argument")
Key = TypeVar("Key")
Value = TypeVar("Value")


def find_table(root: Path, *patterns: str) -> Path:
    """File in ``root`` that matches the first possible pattern, plain or gzipped.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: several files match the pattern.
    """
    for pattern in patterns:
        for name in (pattern, f"{pattern}.gz"):
            found = sorted(root.glob(name))
            if len(found) > 1:
                raise ValueError(
                    f"{root}: several tables; expected one {name}, found {', '.join(path.name for path in found)}; "
                    "move the others to another folder"
                )
            if found:
                return found[0]
    there = ", ".join(sorted(path.name for path in root.iterdir())[:8]) or "nothing"
    raise FileNotFoundError(
        f"{root}: no table of this layout; expected {' or '.join(patterns)}, found {there}; "
        "set the folder that contains it, or copy it there"
    )


def put_once(values: dict[Key, Value], key: Key, value: Value, row: Row, column: str) -> None:
    """Add a value to a dictionary.

    Args:
        values: dictionary to add to.
        key: image or study that the value belongs to.
        value: value to add.
        row: row that the value comes from.
        column: column that the value comes from, for the error.

    Raises:
        ValueError: another row gave another value for the key.
    """
    if values.setdefault(key, value) != value:
        raise row.wrong(
            column, "the value that another row gives for the same image or study", "remove one of the rows"
        )


@dataclass(frozen=True)
class Image:
    """Image file of a film.

    Attributes:
        path: path of the file, whether it exists or not.
        others: further files that the name could mean.
    """

    path: Path
    others: tuple[Path, ...] = ()


@dataclass
class Films:
    """Films of a data set, and the rows that are left out.

    Attributes:
        items: films whose image file exists.
        failures: one failure for every other row.
        seen: paths of all films so far.
        doubtful: messages about ages and sexes that are not possible.
    """

    items: list[dict[str, Any]] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)
    doubtful: list[str] = field(default_factory=list)

    def add(self, where: str, image: Image, item: dict[str, Any]) -> None:
        """Add a film. A film without a file, or one that was added before, is a failure; empty values are dropped.

        Args:
            where: file and row of the film, for failures.
            image: image file of the film.
            item: item without ``image``.
        """
        path = str(image.path)
        if path in self.seen:
            self.leave_out(where, image, "DUPLICATE", "film listed twice", "each once", "another row", "remove one row")
        elif image.others:
            names = " and ".join(map(str, (image.path, *image.others[:2])))
            self.leave_out(
                where, image, "AMBIGUOUS_FILE", "several files", "one of this name", names, "keep one of them"
            )
        elif not os.path.isfile(image.path):  # false as well for a name that no file can have
            self.leave_out(
                where,
                image,
                "MISSING_FILE",
                "no such file",
                "an image",
                "nothing",
                "download it, or ignore this for a subset",
            )
        else:
            kept = {key: value for key, value in item.items() if value not in (None, "")}
            self.items.append({"image": path, **kept})
        self.seen.add(path)

    def leave_out(self, where: str, image: Image, code: str, what: str, expected: str, found: str, remedy: str) -> None:
        """Record a row that is not an item."""
        refusal = RefusedInput(code, f"{where}: {what}", expected, found, remedy)
        self.failures.append(failure(str(image.path), refusal))

    def is_frontal(self, where: str, image: Image, view: str) -> bool:
        """Whether a view is frontal; if not, a failure is recorded."""
        found = read_view(view)
        if found in ("PA", "AP", "FRONTAL"):
            return True
        code = "NOT_FRONTAL" if found else "NO_VIEW"
        self.leave_out(
            where, image, code, "not a frontal view", "PA or AP", view or "no view", "nothing; the film is left out"
        )
        return False

    def no_labels(self, where: str, image: Image, table: str) -> None:
        """Record a film without labels."""
        self.leave_out(
            where, image, "NO_LABELS", "no labels", f"a row in {table}", "none", "add the row, or leave it out"
        )

    def optional(self, read: Callable[[Argument], Value | None], argument: Argument) -> Value | None:
        """Read an attribute. A value that is not possible gives ``None``, and is part of the warning in the end.

        Args:
            read: raises ``ValueError`` for a value that is not possible.
            argument: argument of ``read``.
        """
        try:
            return read(argument)
        except ValueError as error:
            self.doubtful.append(str(error))
            return None

    def reading(self, labels: list[str]) -> Reading:
        """Labels, items and failures, after a warning about impossible values."""
        if self.doubtful:
            logger.warning("%d impossible values left out; the first: %s", len(self.doubtful), self.doubtful[0])
        return labels, self.items, self.failures


def find_image(path: Path) -> Image:
    """Image at a path, or else its copy in another format: a file in the same folder with another suffix."""
    candidates = [path.with_suffix(suffix) for suffix in (path.suffix, *_SUFFIXES)]
    copies = [candidate for candidate in candidates if os.path.isfile(candidate)]
    first, *others = [path] if path in copies else dict.fromkeys(copies) or [path]
    return Image(first, tuple(others))


def find_files(root: Path, suffixes: Sequence[str]) -> Callable[[str], Image]:
    """Index of the files below ``root``, which gives the image of a name.

    A file with the name itself comes before copies of it in another format, which have another suffix.

    Args:
        root: folder of the data set.
        suffixes: suffixes of image files, in lower case.
    """
    names: dict[str, list[Path]] = defaultdict(list)
    stems: dict[str, list[Path]] = defaultdict(list)
    for path in sorted(root.rglob("*")):
        if path.suffix.lower() in suffixes and not path.name.startswith("."):
            names[path.name].append(path)
            stems[path.stem].append(path)

    def find(name: str) -> Image:
        first, *others = names.get(name) or stems.get(Path(name).stem) or [root / name]
        return Image(first, tuple(others))

    return find
