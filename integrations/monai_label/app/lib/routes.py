"""The routes that are served, and the type of everything they take.

MONAI Label has more: its log, a proxy to the DICOMweb server that takes any path, uploads of weights, whole-slide
images, a viewer, the restart of the app, pages with scripts of another site. None is needed here, so none is served.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, Json

from .values import (
    Batch,
    Film,
    ImageInfo,
    Inference,
    LabelInfo,
    Name,
    Sampling,
    StoredFilm,
    StoredLabel,
    Tag,
    Text,
    Training,
    Values,
)

SESSION_FILES = 256
SessionId = Annotated[str, Field(pattern=r"^[0-9A-Za-z-]{1,64}$")]


class Fields(BaseModel):
    """Text of a query, a path or a form, read as what it means; one that is not listed is refused."""

    model_config = ConfigDict(extra="forbid")


class Status(Fields):
    """``GET`` of a task."""

    all: bool = False
    check_if_running: bool = False


class Run(Fields):
    """``POST`` of a task."""

    run_sync: bool = False


class RunBatch(Run):
    """``POST /batch/infer/cxr``."""

    images: Literal["all", "labeled", "unlabeled"] = "all"


class Infer(Fields):
    """``POST /infer/cxr``."""

    image: Name = ""
    session_id: SessionId = ""
    output: Literal["image", "json", "all"] | None = None


class InferForm(Fields):
    """Its body."""

    params: Json[Inference] | None = None
    file: Film | None = None


class Datastore(Fields):
    """``GET /datastore/``."""

    output: Literal["train", "stats", "all"] | None = None


class Image(Fields):
    """An image of the datastore."""

    image: Name


class ImageCheck(Image):
    """``HEAD /datastore/image``."""

    check_sum: Annotated[str, Field(pattern=r"^((SHA256|SHA512|MD5):)?[0-9a-fA-F]{1,128}$")] | None = None


class NewImage(Fields):
    """``PUT /datastore/image``."""

    image: Name = ""


class ImageForm(Fields):
    """Its body."""

    file: StoredFilm
    params: Json[ImageInfo] | None = None


class InfoForm(Fields):
    """``PUT /datastore/image/info``."""

    info: Json[ImageInfo]


class Removed(Fields):
    """``DELETE /datastore/image``."""

    id: Name


class RemovedLabel(Removed):
    """``DELETE /datastore/label``."""

    tag: Tag


class NewLabel(Image):
    """``PUT /datastore/label``."""

    tag: Tag = "final"


class LabelForm(Fields):
    """Its body."""

    label: StoredLabel
    params: Json[LabelInfo] | None = None


class Label(Fields):
    """A label image of the datastore."""

    label: Name
    tag: Tag


class LabelInfoForm(Fields):
    """``PUT /datastore/label/info``."""

    info: Json[LabelInfo]


class NewSession(Fields):
    """``PUT /session/``; MONAI Label would unpack archives without a limit, and tar files to any place."""

    uncompress: Literal["false"] = "false"
    expiry: int = Field(0, ge=0, le=86400)


class SessionForm(Fields):
    """Its body."""

    files: list[Film] = Field(min_length=1, max_length=SESSION_FILES)
    client_id: Text | None = None


class Session(Fields):
    """``GET /session/…``."""

    update_ts: bool = False
    image: bool = False


class SignIn(Fields):
    """``POST /auth/token``, with MONAI_LABEL_AUTH_ENABLE."""

    username: Annotated[str, Field(max_length=256)]
    password: Annotated[str, Field(max_length=256)]
    grant_type: Literal["password"] = "password"


@dataclass(frozen=True)
class Route:
    """One method and path.

    Attributes:
        query: type of the query.
        json: type of a JSON body.
        form: type of a form.
        one_of: of these fields at least one must be there.
    """

    query: type[Fields] = Fields
    json: type[Values] | None = None
    form: type[Fields] | None = None
    one_of: tuple[str, ...] = ()


ROUTES = {
    "GET /openapi.json": Route(),
    "GET /info": Route(),
    "GET /auth": Route(),
    "POST /auth/token": Route(form=SignIn),
    "GET /auth/token/valid": Route(),
    "POST /infer/{model}": Route(Infer, form=InferForm, one_of=("image", "session_id", "file")),
    "GET /batch/infer": Route(Status),
    "POST /batch/infer/{model}": Route(RunBatch, json=Batch),
    "DELETE /batch/infer": Route(),
    "GET /train": Route(Status),
    "POST /train/{model}": Route(Run, json=Training),
    "DELETE /train": Route(),
    "POST /activelearning/{strategy}": Route(json=Sampling),
    "GET /datastore": Route(Datastore),
    "PUT /datastore": Route(NewImage, form=ImageForm),  # as MONAI Label's client writes the next
    "PUT /datastore/image": Route(NewImage, form=ImageForm),
    "GET /datastore/image": Route(Image),
    "HEAD /datastore/image": Route(ImageCheck),
    "DELETE /datastore/image": Route(Removed),
    "GET /datastore/image/info": Route(Image),
    "PUT /datastore/image/info": Route(Image, form=InfoForm),
    "PUT /datastore/label": Route(NewLabel, form=LabelForm),
    "GET /datastore/label": Route(Label),
    "DELETE /datastore/label": Route(RemovedLabel),
    "GET /datastore/label/info": Route(Label),
    "PUT /datastore/label/info": Route(Label, form=LabelInfoForm),
    "PUT /session": Route(NewSession, form=SessionForm),
    "GET /session/{session_id}": Route(Session),
    "DELETE /session/{session_id}": Route(),
}
PATTERNS = [(re.compile(re.sub(r"{(\w+)}", r"(?P<\1>[0-9A-Za-z_-]{1,64})", key)), key) for key in ROUTES]


def find(method: str, path: str) -> tuple[Route, dict[str, str]]:
    """Route and what stands in its path.

    Raises:
        LookupError: there is none.
    """
    for pattern, key in PATTERNS:
        if match := pattern.fullmatch(f"{method} {path.rstrip('/')}"):
            return ROUTES[key], match.groupdict()
    raise LookupError(f"no such route; expected one of {', '.join(ROUTES)}")
