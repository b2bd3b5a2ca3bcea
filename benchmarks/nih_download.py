"""Download the images of NIH ChestX-ray14 and unpack them: 112,120 films of 1024 x 1024 pixels, 45 GB.

    python benchmarks/nih_download.py outputs/nih --archives 1 2

The data set is in twelve archives of 2 to 4 GB; some of them are enough for most experiments. A download that breaks
off continues when the command is repeated, and an archive is removed once its images are unpacked. The tables are small
and have no fixed address: take Data_Entry_2017_v2020.csv, BBox_List_2017.csv, train_val_list.txt and test_list.txt from
https://nihcc.app.box.com/v/ChestXray-NIHCC and put them into the same folder. Then:

    python -m bundle datalist outputs/nih --layout nih --out outputs/nih/datalist.json

Terms: free to use with attribution to the NIH Clinical Center; cite Wang et al. 2017 (arXiv 1705.02315).
"""

from __future__ import annotations

import argparse
import shutil
import tarfile
import urllib.error
import urllib.request
from pathlib import Path

# Addresses of images_001.tar.gz to images_012.tar.gz, as the publisher's own script lists them.
ADDRESS = "https://nihcc.box.com/shared/static/"
ARCHIVES = (
    "vfk49d74nhbxq3nqjg0900w5nvkorp5c",
    "i28rlmbvmfjbl8p2n3ril0pptcmcu9d1",
    "f1t00wrtdk94satdfb9olcolqx20z2jp",
    "0aowwzs5lhjrceb3qp67ahp0rd1l1etg",
    "v5e3goj22zr6h8tzualxfsqlqaygfbsn",
    "asi7ikud9jwnkrnkj99jnpfkjdes7l6l",
    "jn1b4mw4n6lnh74ovmcjb8y48h8xj07n",
    "tvpxmn7qyrgl0w8wfh9kqfjskv6nmm1j",
    "upyy3ml7qdumlgk2rfcvlb9k6gvqq2pj",
    "l6nilvfa9cg3s28tqv1qc1olm3gnz54p",
    "hhq8fkdgvcari67vfhs7ppg2w6ni4jze",
    "ioqwiy20ihqwyr8pf4c24eazhh281pbu",
)
TABLES = ("Data_Entry_2017*.csv", "BBox_List_2017.csv", "train_val_list.txt", "test_list.txt")
RANGE_NOT_SATISFIABLE = 416  # the file is complete


def download(address: str, path: Path) -> None:
    """Download a file, or the rest of it if a part is there."""
    have = path.stat().st_size if path.exists() else 0
    request = urllib.request.Request(address, headers={"Range": f"bytes={have}-"} if have else {})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            # A server without ranges sends the whole file again.
            with path.open("ab" if answer.status == 206 else "wb") as file:
                shutil.copyfileobj(answer, file, 1 << 20)
    except urllib.error.HTTPError as error:
        if error.code != RANGE_NOT_SATISFIABLE or not have:
            raise


def unpack(archive: Path, folder: Path) -> int:
    """Write the images of an archive into a folder, by their names alone, and return their number."""
    count = 0
    with tarfile.open(archive) as files:
        for member in files:
            name = Path(member.name).name
            source = files.extractfile(member) if member.isfile() and name.endswith(".png") else None
            if source is not None:
                with (folder / name).open("wb") as file:
                    shutil.copyfileobj(source, file)
                count += 1
    return count


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    every = range(1, len(ARCHIVES) + 1)
    parser.add_argument("--archives", type=int, nargs="+", choices=every, default=every, metavar="1..12")
    arguments = parser.parse_args()
    images = arguments.out / "images"
    images.mkdir(parents=True, exist_ok=True)
    for number in arguments.archives:
        finished = arguments.out / f"images_{number:03}.finished"
        if finished.exists():
            continue
        archive = arguments.out / f"images_{number:03}.tar.gz"
        download(f"{ADDRESS}{ARCHIVES[number - 1]}.gz", archive)
        try:
            count = unpack(archive, images)
        except (tarfile.TarError, EOFError) as error:
            raise SystemExit(
                f"{archive}: cannot be unpacked ({error}); expected a complete archive; run the command again, and "
                "remove the file if that does not help"
            ) from error
        print(f"{archive.name}: {count} images", flush=True)
        finished.touch()
        archive.unlink()
    missing = [name for name in TABLES if not any(arguments.out.glob(name))]
    if missing:
        print(f"still missing in {arguments.out}: {', '.join(missing)}; see --help")


if __name__ == "__main__":
    main()
