"""The subcommands ``watch`` and ``receive``; slow imports are inside the functions."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from ..common.atomic import check_output_folder

Model = Annotated[
    list[Path] | None,
    typer.Option(help="model folder or hub id; several are averaged, as those in a folder of folds; default: shipped"),
]
TlsCa = Annotated[Path | None, typer.Option(help="trusted certificates (PEM); default: the public ones")]
TlsCert = Annotated[Path | None, typer.Option(help="client certificate with its key (PEM)")]
Again = Annotated[bool, typer.Option("--again", help="try rejected studies again")]
UntilIdle = Annotated[bool, typer.Option("--until-idle", help="end when every study is done or rejected")]
Enhancer = Annotated[str, typer.Option(help="as in enhance.yaml")]
DicomObject = Annotated[
    list[str] | None,
    typer.Option(help="kind of DICOM object: findings, attention, attention_map, regions or enhanced; default: all"),
]


def watch(
    url: Annotated[str, typer.Argument(help="DICOMweb root, for example https://pacs.example/dicom-web")],
    out: Annotated[
        Path,
        typer.Option(help="folder of journal, unsent results and failures.csv; keep it between runs"),
    ],
    model: Model = None,
    enhancer: Enhancer = "ldm",
    dicom_object: DicomObject = None,
    modality: Annotated[list[str], typer.Option(help="Modality of radiographs; repeatable")] = ["CR", "DX"],  # noqa: B006
    since_days: Annotated[
        int, typer.Option(help="age of the oldest study in days; 0: today's; -1: all, also those without a date")
    ] = 1,
    interval: Annotated[float, typer.Option(help="seconds between two polls")] = 30.0,
    tls_ca: TlsCa = None,
    tls_cert: TlsCert = None,
    again: Again = False,
    until_idle: UntilIdle = False,
) -> None:
    """Predict every new chest study of a PACS (DICOMweb) and store the results there, once.

    OUT/pages has a page a day that shows the predictions.

    Sign in with CXR_DICOMWEB_TOKEN, or CXR_DICOMWEB_USER and CXR_DICOMWEB_PASSWORD.
    """
    check_output_folder(out)
    from ..inference.predictor import Predictor
    from ..workflow import BUNDLE_ROOT, start_log
    from .day_pages import DayPages
    from .dicomweb import DicomWeb
    from .journal import Journal
    from .outbox import Outbox
    from .relay import Relay
    from .session import Server

    start_log()
    with Journal(out) as journal:
        days = None if since_days < 0 else since_days
        pacs = DicomWeb(Server(url, tls_ca, tls_cert), modalities=modality, since_days=days)
        if again:
            journal.reopen_refused()
        predictor = Predictor.from_bundle(BUNDLE_ROOT, model_dir=model, **_settings(enhancer, dicom_object))
        outbox = Outbox(out, predictor, DayPages(out, predictor.analysis))
        Relay(pacs, outbox, journal, interval).run(until_idle=until_idle)


def receive(
    out: Annotated[
        Path,
        typer.Option(
            help="folder of received films, unsent results and failures.csv; keep it between runs",
        ),
    ],
    peer: Annotated[str, typer.Option(help="receiver of the results: TITLE@HOST:PORT")],
    port: Annotated[int, typer.Option(min=0, max=65535, help="port to listen on")] = 11112,
    bind: Annotated[
        str, typer.Option(help="address to listen on; 127.0.0.1: this computer only; others need --calling")
    ] = "127.0.0.1",
    calling: Annotated[list[str], typer.Option(help="AE title that may send films; repeatable")] = [],  # noqa: B006
    ae_title: Annotated[str, typer.Option(help="own AE title; calls to other titles are rejected")] = "CXRASR",
    model: Model = None,
    enhancer: Enhancer = "ldm",
    dicom_object: DicomObject = None,
    interval: Annotated[float, typer.Option(help="seconds without a new film after which a study is complete")] = 30.0,
    max_connections: Annotated[
        int, typer.Option(min=1, max=200, help="simultaneous connections; one address gets at most half of them")
    ] = 20,
    free_gb: Annotated[float, typer.Option(min=0, help="disk space that must stay free, in GB")] = 1.0,
) -> None:
    """Predict every chest study that is sent here (C-STORE) and send the results to a peer."""
    check_output_folder(out)
    from ..inference.predictor import Predictor
    from ..workflow import BUNDLE_ROOT, start_log
    from .dimse import Peer
    from .journal import Journal
    from .outbox import Outbox
    from .receive import Inbox
    from .relay import Relay
    from .session import require

    require("pynetdicom")
    from .listener import listen

    start_log()
    with Journal(out) as journal:
        inbox = Inbox(out, journal, Peer.parse(peer), ae_title, free_bytes=int(free_gb * 1e9))
        predictor = Predictor.from_bundle(BUNDLE_ROOT, model_dir=model, **_settings(enhancer, dicom_object))
        outbox = Outbox(out, predictor)
        server = listen(inbox, (bind, port), calling=calling, max_connections=max_connections)
        try:
            Relay(inbox, outbox, journal, interval).run()
        finally:
            server.shutdown()


def _settings(enhancer: str, dicom_objects: list[str] | None) -> dict[str, Any]:
    """Settings of ``inference.yaml``; all kinds of DICOM objects where none is named."""
    return {"enhancer": enhancer, **({"dicom_objects": dicom_objects} if dicom_objects else {})}
