"""What a request may contain: numbers within bounds, choices, and names that are no paths.

MONAI Label hands the values of a request on as they came: to the training, to the names of files, to the environment of
a process. Here they get their types, once; ``guard`` passes nothing else on.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

RESULTS = ("regions", "attention", "enhanced")
CANDIDATES = 32  # images that a strategy looks at for one answer
FOUND_CHARACTERS = 64
NAME_BYTES = 200  # file systems have 255; a suffix comes behind it
# Of an image. ITK follows the header of a MetaImage or NRRD file to any other file, so these are no images here, nor is
# an archive, which may hold one.
IMAGES = (".dcm", ".dicom", ".png", ".jpg", ".jpeg", ".nii", ".nii.gz")
LABELS = (".nii", ".nii.gz", ".nrrd")
# What MONAI Label, its 3D Slicer module and its interactive page say of other models, devices and processes.
LEFT_ASIDE = frozenset(
    "model device gpus multi_gpu max_workers logging local_rank result_extension result_dtype result_compress "
    "restore_label_idx".split()
)
Checked = TypeVar("Checked", bound=BaseModel)


def check_name(name: str) -> str:
    """A name that stays in its folder, and can be shown.

    Raises:
        ValueError: it does not.
    """
    if not 0 < len(name.encode(errors="replace")) <= NAME_BYTES:
        raise ValueError(f"expected 1 to {NAME_BYTES} bytes")
    if not name.isprintable() or set('/\\"') & set(name) or ".." in name or name.startswith("."):
        raise ValueError("expected a name without separator, quote, control character, '..' or dot at the start")
    return name


def check_text(text: str) -> str:
    """Text for the log and the datastore.

    Raises:
        ValueError: it cannot be printed.
    """
    if not text.isprintable():
        raise ValueError("expected printable text")
    return text


def file_name(path: str) -> str:
    """The last part: MONAI Label's own client sends the path that a file has there.

    Raises:
        ValueError: the path climbs, or the name is none.
    """
    *folders, name = path.replace("\\", "/").split("/")
    if ".." in folders:
        raise ValueError("expected a name without '..'")
    return check_name(name)


def ending(name: str, suffixes: tuple[str, ...]) -> str:
    """The name of a file of these formats.

    Raises:
        ValueError: it has another suffix.
    """
    if not name.lower().endswith(suffixes):
        raise ValueError(f"expected a name that ends with one of {', '.join(suffixes)}")
    return name


def sent_film(name: str) -> str:
    """The name of an image, or of a DICOM file as a PACS writes it: a UID, or no suffix.

    Raises:
        ValueError: it has another suffix.
    """
    return name if name.replace(".", "").isdigit() or "." not in name else ending(name, IMAGES)


Name = Annotated[str, AfterValidator(check_name)]
Text = Annotated[str, Field(max_length=FOUND_CHARACTERS), AfterValidator(check_text)]
Tag = Literal["original", "final"]
FileName = Annotated[str, AfterValidator(file_name)]
Film = Annotated[FileName, AfterValidator(sent_film)]
StoredFilm = Annotated[FileName, AfterValidator(lambda name: ending(name, IMAGES))]
StoredLabel = Annotated[FileName, AfterValidator(lambda name: ending(name, LABELS))]
# Clients send the choices of the app's own settings back as they got them: the first is the default.
Result = Annotated[Literal[RESULTS], BeforeValidator(lambda value: value[0] if value == list(RESULTS) else value)]
Finding = Annotated[int, Field(ge=-1, le=1)]


class Values(BaseModel):
    """JSON of a request: an unknown key is refused, a number is no text and no truth value."""

    model_config = ConfigDict(extra="forbid", strict=True)
    client_id: Text | None = None

    @model_validator(mode="before")
    @classmethod
    def leave_aside(cls, values: Any) -> Any:
        """What clients always send, and nothing here reads."""
        return {key: values[key] for key in values if key not in LEFT_ASIDE} if isinstance(values, dict) else values


class Training(Values):
    """``POST /train/cxr``."""

    max_epochs: int = Field(10, ge=1, le=1000)
    batch_size: int = Field(16, ge=1, le=1024)
    learning_rate: float = Field(1e-4, gt=0, le=1, allow_inf_nan=False)
    seed: int = Field(0, ge=0, lt=2**32)


class Inference(Values):
    """``POST /infer/cxr``."""

    result: Result = RESULTS[0]
    store: bool = False
    save_label: bool = False
    label_tag: Tag = "original"


class Batch(Inference):
    """``POST /batch/infer/cxr``; 0 is all images."""

    save_label: bool = True
    max_batch_size: int = Field(0, ge=0, le=1_000_000)


class Sampling(Values):
    """``POST /activelearning/…``."""

    candidates: int = Field(CANDIDATES, ge=1, le=1000)


class ImageInfo(Values):
    """What is kept with an image; the labels are the context that the values are read in."""

    findings: dict[str, Finding] | None = None

    @field_validator("findings")
    @classmethod
    def known(cls, findings: dict[str, int] | None, info: ValidationInfo) -> dict[str, int] | None:
        """Findings of the model only."""
        labels = (info.context or {}).get("labels", ())
        if unknown := sorted(set(findings or ()) - set(labels)):
            raise ValueError(f"expected some of {', '.join(labels)}, found {ascii(unknown[0])[:FOUND_CHARACTERS]}")
        return findings


class Segment(BaseModel):
    """A label of a label image; viewers say more of it, which is left out."""

    model_config = ConfigDict(strict=True)
    name: Text
    idx: int = Field(0, ge=0, le=65535)


class LabelInfo(Values):
    """What is kept with a label image."""

    label_info: list[Segment] | None = Field(None, max_length=256)


def read(kind: type[Checked], values: Mapping[str, Any] | bytes, labels: list[str] | None = None) -> Checked:
    """Typed values of a request or a file; bytes are JSON.

    Raises:
        ValueError: key, what was expected and what was found, of the first that is not right.
    """
    try:
        if isinstance(values, bytes):
            return kind.model_validate_json(values, context={"labels": labels})
        return kind.model_validate(values, context={"labels": labels})
    except ValidationError as error:
        raise ValueError(explain(error, kind)) from None


def explain(error: ValidationError, kind: type[BaseModel]) -> str:
    """One line about the first thing that is not right."""
    first = error.errors(include_url=False)[0]
    key = ".".join(check_shown(part) for part in first["loc"]) or "request"
    if first["type"] == "extra_forbidden":
        expected = f"expected some of {', '.join(kind.model_fields)}; " if len(first["loc"]) == 1 else ""
        return f"{key}: not known; {expected}leave it out"
    if first["type"] == "missing":
        return f"{key}: missing; expected a value; send one"
    expected = re.sub(r"^\w+ should ", "expected to ", first["msg"].removeprefix("Value error, "))
    if first["type"].startswith("json"):
        expected = "expected JSON"
    return f"{key}: not accepted; {expected}; found {check_shown(first['input'])}"


def check_shown(value: Any) -> str:
    """A value as a message shows it: printable, not long."""
    text = value if isinstance(value, str) and value.isidentifier() else ascii(value)
    return text[:FOUND_CHARACTERS]
