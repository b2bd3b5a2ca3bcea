"""Run inside ``unshare -rn`` by ``test_monai_label.py``: MONAI Label on a real PACS; facts as JSON on the last line.

python -m tests.integrations.label_round_trip FILM FOLDER
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pydicom
from scripts.pacs.dicomweb import DicomWeb
from scripts.pacs.session import Server

from ..pacs.orthanc import PASSWORD, URL, USER, orthanc
from .label_server import label_server


def main(film: Path, folder: Path) -> dict:
    os.environ["CXR_DICOMWEB_USER"], os.environ["CXR_DICOMWEB_PASSWORD"] = USER, PASSWORD
    dataset = pydicom.dcmread(film)
    settings = {
        "MONAI_LABEL_DICOMWEB_USERNAME": USER,
        "MONAI_LABEL_DICOMWEB_PASSWORD": PASSWORD,
        "MONAI_LABEL_DICOMWEB_CONVERT_TO_NIFTI": "false",
        "MONAI_LABEL_DICOMWEB_SEARCH_FILTER": '{"Modality": "DX"}',
        "MONAI_LABEL_DICOMWEB_CACHE_PATH": str(folder / "cache"),
    }
    with orthanc(folder):
        web = DicomWeb(Server(URL))
        web.client.store_instances([dataset])
        with label_server(folder, URL, **settings) as server:
            path = f"/infer/cxr?image={dataset.SeriesInstanceUID}&output=json"
            answers = [server.form("POST", path, params='{"store": true}') for _ in range(2)]
            batch = json.loads(server.request("POST", "/batch/infer/cxr?run_sync=true", b'{"store": true}')[1])
        found = [json.loads(body) for _, body in answers]
        series = web.client.search_for_series(str(dataset.StudyInstanceUID))
        return {
            "probabilities": found[0]["probabilities"],
            "stored": [answer["stored"] for answer in found],
            "batch": batch[str(dataset.SeriesInstanceUID)]["params"],
            "modalities": sorted(str(one["00080060"]["Value"][0]) for one in series),
        }


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]), Path(sys.argv[2]))))
