"""Runs visits for the matrix with PyFilesystem: one line in, one line out. The
fields are those of visits.py.
"""

import os
import shutil
import sys

from fs.ftpfs import FTPFS

FIELDS = ["op", "mode", "family", "tls", "type", "host", "port", "user", "password", "ca", "up", "down", "remote"]


def visit(f):
    if f["tls"] == "implicit":
        raise Exception("PyFilesystem has no implicit TLS")
    with FTPFS(f["host"], f["user"], f["password"], port=int(f["port"]), timeout=20, tls=f["tls"] != "plain") as root:
        if f["mode"] not in ("PASV", "EPSV"):
            raise Exception("PyFilesystem has no option for active mode")
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
            answer = ["ok"] + visit(f)
        except Exception as e:  # told to the test
            answer = ["error", repr(e).replace("\t", " ").replace("\n", "\v")]
        print("\t".join(answer), flush=True)


if __name__ == "__main__":
    main()
