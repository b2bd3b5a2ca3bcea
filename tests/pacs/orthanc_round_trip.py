"""Run inside ``unshare -rn`` by ``test_orthanc.py``: what happens to studies in a real PACS, as JSON on the last line.

python -m tests.pacs.orthanc_round_trip MODEL_DIR FOLDER
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path

import numpy as np
import pydicom
import requests
from pydicom.uid import generate_uid
from scripts.cli import predict
from scripts.inference import Predictor
from scripts.pacs.commands import watch
from scripts.pacs.dicomweb import DicomWeb
from scripts.pacs.dimse import Peer, send
from scripts.pacs.journal import Journal
from scripts.pacs.listener import listen
from scripts.pacs.outbox import Outbox
from scripts.pacs.receive import Inbox
from scripts.pacs.relay import Relay
from scripts.pacs.session import Server
from scripts.workflow import CONFIG_DIR

from ..dicom.objects.conformant import cr, dx, errors
from ..dicom.synthetic import save
from .orthanc import DICOM_PORT, PASSWORD, ROOT, URL, USER, orthanc


def main(model_dir: Path, folder: Path) -> dict:
    os.environ["CXR_DICOMWEB_USER"], os.environ["CXR_DICOMWEB_PASSWORD"] = USER, PASSWORD
    sources = [save(cr(), folder / "a.dcm"), save(dx(), folder / "b.dcm")]
    studies = [str(pydicom.dcmread(path).StudyInstanceUID) for path in sources]
    with orthanc(folder):
        web = DicomWeb(Server(URL))
        for path in sources:
            web.client.store_instances([pydicom.dcmread(path)])
        facts = {
            "files": probabilities(lambda out: predict(sources, out=out, model=model_dir, dicom=True), folder / "files")
        }
        facts |= single(web, studies[0], model_dir, folder)
        facts |= watched(web, studies[1], model_dir, folder)
        facts |= grown(web, sources[1], model_dir, folder)
        facts |= received(sources[1], studies[1], model_dir, folder)
    return facts


def probabilities(run, out: Path) -> list:  # type: ignore[no-untyped-def]
    """What a run found, in the order of the inputs."""
    run(out)
    items = json.loads((out / "predictions.json").read_text())["items"]
    return [item["probabilities"] for item in items if item["status"] == "ok"]


def single(web: DicomWeb, study: str, model_dir: Path, folder: Path) -> dict:
    """``predict --dicomweb --study --store``, twice."""
    out = folder / "single"
    found = probabilities(lambda out: predict(out=out, model=model_dir, dicomweb=URL, study=study, store=True), out)
    count = instances()
    predict(out=out, model=model_dir, dicomweb=URL, study=study, store=True)
    stored = {path.stem: path for path in out.glob("dicom/*/*.dcm")}
    back = {kind: fetched(web, pydicom.dcmread(path), folder / f"back-{kind}.dcm") for kind, path in stored.items()}
    return {
        "single": found,
        "kinds": sorted(back),
        "same_pixels": {kind: same_pixels(path, back[kind]) for kind, path in stored.items() if kind != "findings"},
        "same_report": pydicom.dcmread(stored["findings"]) == pydicom.dcmread(back["findings"]),
        "errors": {kind: errors(path) for kind, path in back.items()} if shutil.which("dciodvfy") else None,
        "stored_again": instances() - count,
    }


def watched(web: DicomWeb, study: str, model_dir: Path, folder: Path) -> dict:
    """``watch``: both studies are found, and the first has its results already."""
    before = instances()
    watch_until_idle(model_dir, folder)
    modalities = sorted(str(one["00080060"]["Value"][0]) for one in web.client.search_for_series(study))
    return {
        "watch_stored": instances() - before,
        "watch_modalities": modalities,
        "watch_percent": report_values(web, study),
    }


def grown(web: DicomWeb, source: Path, model_dir: Path, folder: Path) -> dict:
    """A later film of the watched study: how many instances the next two runs of ``watch`` store."""
    film = pydicom.dcmread(source)
    film.SOPInstanceUID, film.AcquisitionDate = generate_uid(), "20300101"
    film.file_meta.MediaStorageSOPInstanceUID = film.SOPInstanceUID
    web.client.store_instances([film])
    counts = [instances()]
    for _ in range(2):
        watch_until_idle(model_dir, folder)
        counts.append(instances())
    return {"grown_stored": [counts[1] - counts[0], counts[2] - counts[1]]}


def watch_until_idle(model_dir: Path, folder: Path) -> None:
    watch(URL, folder / "watch", model=model_dir, since_days=-1, interval=0.05, until_idle=True)


def received(source: Path, study: str, model_dir: Path, folder: Path) -> dict:
    """The same film comes by C-STORE: its results are those that ``watch`` has stored."""
    before = instances()
    predictor = Predictor.from_bundle(CONFIG_DIR.parent, model_dir=model_dir)
    with Journal(folder / "receive") as journal:
        inbox = Inbox(folder / "receive", journal, Peer("ORTHANC", "127.0.0.1", DICOM_PORT))
        server = listen(inbox, ("127.0.0.1", 11112))
        send([source], Peer("CXRASR", "127.0.0.1", 11112))
        Relay(inbox, Outbox(folder / "receive", predictor), journal, 0.05).run(until_idle=True)
        server.shutdown()
    left = [path.name for path in inbox.folder.rglob("*")]
    return {"receive_new": instances() - before, "receive_left": left}


def fetched(web: DicomWeb, dataset: pydicom.Dataset, path: Path) -> Path:
    """An instance as the PACS gives it back."""
    uids = (str(dataset[f"{level}InstanceUID"].value) for level in ("Study", "Series", "SOP"))
    return save(web.client.retrieve_instance(*uids), path)


def same_pixels(left: Path, right: Path) -> bool:
    return bool(np.array_equal(pydicom.dcmread(left).pixel_array, pydicom.dcmread(right).pixel_array))


def report_values(web: DicomWeb, study: str) -> list[float]:
    """Certainties of the report in the PACS, in percent."""
    import highdicom as hd

    (series,) = web.client.search_for_series(study, search_filters={"Modality": "SR"})
    (instance,) = web.client.search_for_instances(study, series["0020000E"]["Value"][0])
    dataset = web.client.retrieve_instance(study, series["0020000E"]["Value"][0], instance["00080018"]["Value"][0])
    groups = hd.sr.Comprehensive3DSR.from_dataset(dataset).content.get_image_measurement_groups()
    return [float(group.get_measurements()[0].value) for group in groups]


def instances() -> int:
    """Number of instances in the PACS."""
    return int(requests.get(f"{ROOT}/statistics", auth=(USER, PASSWORD), timeout=10).json()["CountInstances"])


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]), Path(sys.argv[2]))))
