"""Routes that the server offers, and the types of their parameters.

MONAI Label has further routes: its log, a proxy to the DICOMweb server for any path, uploads of weights, whole-slide
images, a viewer, a restart of the app, and pages with scripts of other sites. The app does not need them and does not
offer them.
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
    """Values of a query, a path or a form, converted from text; unknown names are rejected."""

    model_config = ConfigDict(extra="forbid")


class Status(Fields):
    """Query of ``GET /train`` and ``GET /batch/infer``."""

    all: bool = False
    check_if_running: bool = False


class Run(Fields):
    """Query of ``POST /train/cxr``."""

    run_sync: bool = False


class RunBatch(Run):
    """Query of ``POST /batch/infer/cxr``."""

    images: Literal["all", "labeled", "unlabeled"] = "all"


class Infer(Fields):
    """Query of ``POST /infer/cxr``."""

    image: Name = ""
    session_id: SessionId = ""
    output: Literal["image", "json", "all"] | None = None


class InferForm(Fields):
    """Form of ``POST /infer/cxr``."""

    params: Json[Inference] | None = None
    file: Film | None = None


class Datastore(Fields):
    """Query of ``GET /datastore/``."""

    output: Literal["train", "stats", "all"] | None = None


class Image(Fields):
    """Query that names an image of the datastore."""

    image: Name


class ImageCheck(Image):
    """Query of ``HEAD /datastore/image``."""

    check_sum: Annotated[str, Field(pattern=r"^((SHA256|SHA512|MD5):)?[0-9a-fA-F]{1,128}$")] | None = None


class NewImage(Fields):
    """Query of ``PUT /datastore/image``."""

    image: Name = ""


class ImageForm(Fields):
    """Form of ``PUT /datastore/image``."""

    file: StoredFilm
    params: Json[ImageInfo] | None = None


class InfoForm(Fields):
    """Form of ``PUT /datastore/image/info``."""

    info: Json[ImageInfo]


class Removed(Fields):
    """Query of ``DELETE /datastore/image``."""

    id: Name


class RemovedLabel(Removed):
    """Query of ``DELETE /datastore/label``."""

    tag: Tag


class NewLabel(Image):
    """Query of ``PUT /datastore/label``."""

    tag: Tag = "final"


class LabelForm(Fields):
    """Form of ``PUT /datastore/label``."""

    label: StoredLabel
    params: Json[LabelInfo] | None = None


class Label(Fields):
    """Query that names a label image of the datastore."""

    label: Name
    tag: Tag


class LabelInfoForm(Fields):
    """Form of ``PUT /datastore/label/info``."""

    info: Json[LabelInfo]


class NewSession(Fields):
    """Query of ``PUT /session/``; MONAI Label would unpack archives without limits, and tar files to any path."""

    uncompress: Literal["false"] = "false"
    expiry: int = Field(0, ge=0, le=86400)


class SessionForm(Fields):
    """Form of ``PUT /session/``."""

    files: list[Film] = Field(min_length=1, max_length=SESSION_FILES)
    client_id: Text | None = None


class Session(Fields):
    """Query of ``GET /session/…``."""

    update_ts: bool = False
    image: bool = False


class SignIn(Fields):
    """Form of ``POST /auth/token``, which needs MONAI_LABEL_AUTH_ENABLE."""

    username: Annotated[str, Field(max_length=256)]
    password: Annotated[str, Field(max_length=256)]
    grant_type: Literal["password"] = "password"


@dataclass(frozen=True)
class Route:
    """Parameters of one method and path.

    Attributes:
        query: type of the query.
        json: type of a JSON body.
        form: type of a form.
        one_of: fields of which at least one is required.
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
    "PUT /datastore": Route(NewImage, form=ImageForm),  # used by MONAI Label's client in place of the next one
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
    """Return the route of a request, and the values of the placeholders in its path.

    Raises:
        LookupError: there is no such route.
    """
    for pattern, key in PATTERNS:
        if match := pattern.fullmatch(f"{method} {path.rstrip('/')}"):
            return ROUTES[key], match.groupdict()
    raise LookupError(f"no such route; expected one of {', '.join(ROUTES)}")
