"""Runs visits for the matrix with PyFilesystem: one line in, one line out. The
fields are those of visits.py.
"""

import os
import shutil
import sys

from fs import errors
from fs.ftpfs import FTPFS

FIELDS = ["op", "mode", "family", "tls", "type", "host", "port", "user", "password", "ca", "up", "down", "remote"]


def connect(f):
    if f["tls"] == "implicit":
        raise Exception("PyFilesystem has no implicit TLS")
    if f["mode"] not in ("PASV", "EPSV"):
        raise Exception("PyFilesystem has no option for active mode")
    return FTPFS(f["host"], f["user"], f["password"], port=int(f["port"]), timeout=20, tls=f["tls"] != "plain")


def refusals(f):
    """Asks for what is refused, and goes on with what is not; returns what was said."""
    said = []
    with connect(f) as root:
        folder = root.opendir(f["remote"])
        with open(os.path.join(f["up"], "small.bin"), "rb") as small, open(os.path.join(f["up"], "big.bin"), "rb") as big:
            for attempt in (
                lambda: folder.readbytes("nope"),
                lambda: folder.upload("nope/small.bin", small),
                lambda: folder.upload("big.bin", big),
            ):
                try:
                    attempt()
                    said.append("not refused")
                except errors.FSError as e:
                    said.append(str(e).replace("\n", " "))
                with open(os.path.join(f["down"], "there.bin"), "wb") as dst:
                    folder.download("there.bin", dst)
    return said


def visit(f):
    with connect(f) as root:
        folder = root.opendir(f["remote"])
        for name in f["names"]:
            with open(os.path.join(f["up"], name), "rb") as src, folder.openbin(name, "w") as dst:
                shutil.copyfileobj(src, dst)
        names = folder.listdir("/")
        for name in f["names"]:
            with open(os.path.join(f["down"], name), "wb") as dst:
                folder.download(name, dst)
        return names


def main():
    sys.stdin.reconfigure(encoding="utf-8", newline="\n")
    sys.stdout.reconfigure(encoding="utf-8")
    for line in sys.stdin:
        words = line.rstrip("\n").split("\t")
        f = dict(zip(FIELDS, words))
        f["names"] = words[len(FIELDS):]
        try:
            answer = ["ok"] + {"visit": visit, "refusals": refusals}[f["op"]](f)
        except Exception as e:  # told to the test
            answer = ["error", repr(e).replace("\t", " ").replace("\n", "\v")]
        print("\t".join(answer), flush=True)


if __name__ == "__main__":
    main()
