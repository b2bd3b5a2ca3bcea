"""Types of the values that a request may contain: numbers within bounds, choices, and names that are not paths.

MONAI Label itself passes the values of a request unchecked to the training, to file names and to the environment of a
process. ``guard`` passes on only values of the types below.
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
CANDIDATES = 32  # images that a strategy considers for one answer
FOUND_CHARACTERS = 64
NAME_BYTES = 200  # file systems allow 255; a suffix is added to the name
# Suffixes of images. MetaImage and NRRD are left out, because ITK would follow their headers to any other file, and so
# are archives, which may contain such files.
IMAGES = (".dcm", ".dicom", ".png", ".jpg", ".jpeg", ".nii", ".nii.gz")
LABELS = (".nii", ".nii.gz", ".nrrd")
# Keys that MONAI Label, its 3D Slicer module and its interactive page send for other models, devices and processes.
LEFT_ASIDE = frozenset(
    "model device gpus multi_gpu max_workers logging local_rank result_extension result_dtype result_compress "
    "restore_label_idx".split()
)
Checked = TypeVar("Checked", bound=BaseModel)


def check_name(name: str) -> str:
    """Return a name that is printable and cannot leave its folder.

    Raises:
        ValueError: the name is not of this form.
    """
    if not 0 < len(name.encode(errors="replace")) <= NAME_BYTES:
        raise ValueError(f"expected 1 to {NAME_BYTES} bytes")
    if not name.isprintable() or set('/\\"') & set(name) or ".." in name or name.startswith("."):
        raise ValueError("expected a name without separator, quote, control character, '..' or dot at the start")
    return name


def check_text(text: str) -> str:
    """Return a text for the log and the datastore.

    Raises:
        ValueError: the text is not printable.
    """
    if not text.isprintable():
        raise ValueError("expected printable text")
    return text


def file_name(path: str) -> str:
    """Return the last part of a path, because MONAI Label's own client sends its local path of a file.

    Raises:
        ValueError: the path contains ``..``, or the name is invalid.
    """
    *folders, name = path.replace("\\", "/").split("/")
    if ".." in folders:
        raise ValueError("expected a name without '..'")
    return check_name(name)


def ending(name: str, suffixes: tuple[str, ...]) -> str:
    """Return a file name that has one of the suffixes.

    Raises:
        ValueError: the name has another suffix.
    """
    if not name.lower().endswith(suffixes):
        raise ValueError(f"expected a name that ends with one of {', '.join(suffixes)}")
    return name


def sent_film(name: str) -> str:
    """Return the file name of an image; DICOM files from a PACS may be named by a UID or have no suffix.

    Raises:
        ValueError: the name has another suffix.
    """
    return name if name.replace(".", "").isdigit() or "." not in name else ending(name, IMAGES)


Name = Annotated[str, AfterValidator(check_name)]
Text = Annotated[str, Field(max_length=FOUND_CHARACTERS), AfterValidator(check_text)]
Tag = Literal["original", "final"]
FileName = Annotated[str, AfterValidator(file_name)]
Film = Annotated[FileName, AfterValidator(sent_film)]
StoredFilm = Annotated[FileName, AfterValidator(lambda name: ending(name, IMAGES))]
StoredLabel = Annotated[FileName, AfterValidator(lambda name: ending(name, LABELS))]
# Clients send the list of choices from ``config`` back unchanged; it stands for the first choice, the default.
Result = Annotated[Literal[RESULTS], BeforeValidator(lambda value: value[0] if value == list(RESULTS) else value)]
Finding = Annotated[int, Field(ge=-1, le=1)]


class Values(BaseModel):
    """JSON of a request; unknown keys are rejected, and values of other types are not converted."""

    model_config = ConfigDict(extra="forbid", strict=True)
    client_id: Text | None = None

    @model_validator(mode="before")
    @classmethod
    def leave_aside(cls, values: Any) -> Any:
        """Drop keys that clients always send and that the app does not use."""
        return {key: values[key] for key in values if key not in LEFT_ASIDE} if isinstance(values, dict) else values


class Training(Values):
    """Body of ``POST /train/cxr``."""

    max_epochs: int = Field(10, ge=1, le=1000)
    batch_size: int = Field(16, ge=1, le=1024)
    learning_rate: float = Field(1e-4, gt=0, le=1, allow_inf_nan=False)
    seed: int = Field(0, ge=0, lt=2**32)


class Inference(Values):
    """Parameters of ``POST /infer/cxr``."""

    result: Result = RESULTS[0]
    store: bool = False
    save_label: bool = False
    label_tag: Tag = "original"


class Batch(Inference):
    """Body of ``POST /batch/infer/cxr``; a ``max_batch_size`` of 0 stands for all images."""

    save_label: bool = True
    max_batch_size: int = Field(0, ge=0, le=1_000_000)


class Sampling(Values):
    """Body of ``POST /activelearning/…``."""

    candidates: int = Field(CANDIDATES, ge=1, le=1000)


class ImageInfo(Values):
    """Information about an image; the validation context contains the labels of the model."""

    findings: dict[str, Finding] | None = None

    @field_validator("findings")
    @classmethod
    def known(cls, findings: dict[str, int] | None, info: ValidationInfo) -> dict[str, int] | None:
        """Return the findings if all are labels of the model.

        Raises:
            ValueError: a finding is not a label of the model.
        """
        labels = (info.context or {}).get("labels", ())
        if unknown := sorted(set(findings or ()) - set(labels)):
            raise ValueError(f"expected some of {', '.join(labels)}, found {ascii(unknown[0])[:FOUND_CHARACTERS]}")
        return findings


class Segment(BaseModel):
    """Label of a label image; further keys of viewers are dropped."""

    model_config = ConfigDict(strict=True)
    name: Text
    idx: int = Field(0, ge=0, le=65535)


class LabelInfo(Values):
    """Information about a label image."""

    label_info: list[Segment] | None = Field(None, max_length=256)


def read(kind: type[Checked], values: Mapping[str, Any] | bytes, labels: list[str] | None = None) -> Checked:
    """Return the typed values of a request or a file; bytes are read as JSON.

    Raises:
        ValueError: a value is invalid; the message names its key, the expected value and the found one.
    """
    try:
        if isinstance(values, bytes):
            return kind.model_validate_json(values, context={"labels": labels})
        return kind.model_validate(values, context={"labels": labels})
    except ValidationError as error:
        raise ValueError(explain(error, kind)) from None


def explain(error: ValidationError, kind: type[BaseModel]) -> str:
    """Return a message of one line about the first invalid value."""
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
    """Return a printable, shortened value for a message."""
    text = value if isinstance(value, str) and value.isidentifier() else ascii(value)
    return text[:FOUND_CHARACTERS]
