"""Everything from import to results, in a process without POSIX calls. Its argument is a JSON file with settings.

The results go to standard output as JSON.
"""

import json
import logging
import multiprocessing
import os
import pkgutil
import sys
import threading
import time
import warnings
from importlib import import_module
from pathlib import Path


def import_all() -> int:
    """Import every file of the package, and return their number."""
    import scripts

    names = [module.name for module in pkgutil.walk_packages(scripts.__path__, "scripts.")]
    for name in names:
        if not name.endswith(".isolated_decoder"):  # a program
            import_module(name)
    return len(names)


def read_each_syntax(folder: Path) -> dict[str, float]:
    """Read a film in each transfer syntax, and return the largest difference to its truth."""
    import numpy as np
    from scripts.dicom import read_radiograph

    from tests.dicom.cases import all_cases
    from tests.dicom.synthetic import save

    found = {}
    for case in all_cases():
        syntax = str(case.dataset.file_meta.TransferSyntaxUID)
        if case.truth is not None and syntax not in found:
            image = read_radiograph(save(case.dataset, folder / f"{syntax}.dcm")).image[0]
            found[syntax] = float(np.abs(image - case.truth).max())
    return found


def train(settings: dict) -> list[str]:
    """Train for an epoch, and return the names of what it wrote."""
    from scripts.workflow import run_workflow

    run_workflow("training", overrides=settings)
    return sorted(path.name for path in Path(settings["output_dir"]).iterdir())


def predict(model_dir: Path, folder: Path) -> list[str]:
    """Predict a film with DICOM results, and return the names of these."""
    from scripts.inference import Predictor
    from scripts.workflow import BUNDLE_ROOT

    from tests.dicom.objects.conformant import cr
    from tests.dicom.synthetic import save

    film = save(cr(), folder / "film: 1.dcm")
    predictor = Predictor.from_bundle(BUNDLE_ROOT, model_dir=model_dir, device="cpu", enhancer="bicubic")
    predictor.predict_to_folder([film], folder / "out", dicom=True)
    return sorted(path.relative_to(folder / "out").as_posix() for path in (folder / "out").rglob("*.dcm"))


def watch_and_receive(model_dir: Path, folder: Path) -> dict[str, int]:
    """Predict a study of a PACS, and a film that is sent, and return the number of stored results of each."""
    from scripts.inference import Predictor
    from scripts.pacs.dicomweb import DicomWeb
    from scripts.pacs.dimse import Peer, send
    from scripts.pacs.journal import Journal
    from scripts.pacs.listener import listen
    from scripts.pacs.outbox import Outbox
    from scripts.pacs.receive import Inbox
    from scripts.pacs.relay import Relay
    from scripts.pacs.session import Server
    from scripts.workflow import BUNDLE_ROOT

    from tests.dicom.objects.conformant import cr
    from tests.dicom.synthetic import save
    from tests.pacs.fake_server import FakePacs, serve, url_of

    predictor = Predictor.from_bundle(BUNDLE_ROOT, model_dir=model_dir, device="cpu", enhance=False)
    pacs = FakePacs()
    pacs.add(cr())
    server = serve(pacs)
    with Journal(folder / "watch") as journal:
        archive = DicomWeb(Server(url_of(server)), since_days=None)
        Relay(archive, Outbox(folder / "watch", predictor), journal, interval_s=0.001).run(until_idle=True)
    server.shutdown()
    with Journal(folder / "receive") as journal:
        inbox = Inbox(folder / "receive", journal, Peer("NOBODY", "127.0.0.1", 1))
        listener = listen(inbox, ("127.0.0.1", 0))
        send([save(cr(), folder / "sent.dcm")], Peer("CXRASR", *listener.server_address))
        (key,) = inbox.studies(None)
        (folder / "fetched").mkdir()
        inbox.fetch(key, folder / "fetched")
        listener.shutdown()
    return {"stored": len(pacs.received), "received": len(list((folder / "fetched").iterdir()))}


def main() -> None:
    """Run all parts."""
    warnings.filterwarnings("error", category=EncodingWarning, module=r"scripts(\.|$)")
    settings = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    folder = Path(settings["folder"])
    model_dir = Path(settings["training"]["output_dir"]) / "model"
    assert not hasattr(os, "fork")
    import torch  # noqa: F401 - it registers its own hooks where it finds Linux

    del os.register_at_fork
    multiprocessing.set_start_method("spawn")
    messages: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: messages.append(record.getMessage())
    logging.getLogger().addHandler(handler)
    results = {}
    for name, part in {
        "modules": import_all,
        "syntaxes": lambda: read_each_syntax(folder),
        "training": lambda: train(settings["training"]),
        "prediction": lambda: predict(model_dir, folder),
        "pacs": lambda: watch_and_receive(model_dir, folder),
    }.items():
        start = time.monotonic()
        results[name] = part()
        print(f"{name}: {time.monotonic() - start:.1f} s, {threading.active_count()} threads", file=sys.stderr)
    results["notes"] = [message for message in messages if "memory of the decoder process" in message]
    Path(settings["results"]).write_text(json.dumps(results), encoding="utf-8")


if __name__ == "__main__":
    main()
