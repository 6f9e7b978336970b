"""A package of 100 MB comes into a running node: what memory and processor time that takes, and how often it tells.

Three packages: files beside a few twins, 20,000 submodels as one JSON, the same as one XML (stored, not packed, so that
the package itself has its 100 MB). Memory is the node's highest above what it held idle, as the kernel has it
(``VmHWM``). The baseline of the same run is a process that reads the same environment whole, with aas-core3.1, and
stores nothing; of files, one that reads all parts of the zip.
Not here: reading and storing small files (``tests/engine/twins``).
"""

import json
import random
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, Final, Literal

from bench.processes import ROOT, Firm
from bench.rounds import Result, show
from weft.twin.aasx.writing import environment

MEGABYTES: Final = 100
SUBMODELS: Final = 20_000
MOST_MB: Final = 100.0  # above the idle node, whatever the package holds
_RELATIONSHIPS: Final = "http://schemas.openxmlformats.org/package/2006/relationships"
_ORIGIN: Final = "http://admin-shell.io/aasx/relationships/aasx-origin"
_SPEC: Final = "http://admin-shell.io/aasx/relationships/aas-spec"
_TYPES: Final = ('<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default '
                 'Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/></Types>')
_WHOLE: Final = """
import json, sys, zipfile
from aas_core3_1 import jsonization, xmlization
def memory():
    lines = open("/proc/self/status", encoding="ascii").read().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))
import time
before, spent = memory(), time.process_time()
with zipfile.ZipFile(sys.argv[1]) as package:
    if sys.argv[2] == "files":
        held = {name: package.read(name) for name in package.namelist()}
    elif sys.argv[2] == "json":
        with package.open("aasx/data.json") as part:
            held = jsonization.environment_from_jsonable(json.load(part))
    else:
        with package.open("aasx/data.xml") as part:
            held = xmlization.environment_from_stream(__import__("io").TextIOWrapper(part, "utf-8"))
print(json.dumps([memory() - before, time.process_time() - spent]))
"""


def _relations(kind: str, target: str) -> str:
    return (f'<Relationships xmlns="{_RELATIONSHIPS}"><Relationship Id="R1" Type="{kind}" Target="{target}"/>'
            "</Relationships>")


def _submodel(number: int, chance: random.Random, size: int) -> dict[str, Any]:
    """One of about ``size`` bytes of JSON."""
    named = {"type": "ExternalReference", "keys": [{"type": "GlobalReference", "value": "0173-1#02-AAO677#002"}]}
    elements = [{"modelType": "Property", "idShort": f"Value{at}", "semanticId": named, "valueType": "xs:decimal",
                 "value": f"{chance.random():.6f}",
                 "description": [{"language": "en", "text": f"{chance.getrandbits(400):x}"}]}
                for at in range(max(1, size // 410))]
    return {"modelType": "Submodel", "idShort": f"S{number}", "id": f"urn:bench:{number}", "kind": "Instance",
            "semanticId": named, "submodelElements": elements}


def _file(number: int) -> dict[str, Any]:
    return {"modelType": "File", "idShort": f"File{number}", "contentType": "application/octet-stream",
            "value": f"/aasx/files/{number}.bin"}


def _documents(form: str, chance: random.Random) -> Iterator[dict[str, Any]]:
    if form == "files":
        yield {**_submodel(0, chance, 1_000), "submodelElements": [_file(at) for at in range(MEGABYTES)]}
        return
    for number in range(SUBMODELS):
        yield _submodel(number, chance, (MEGABYTES << 20) // SUBMODELS)


def built(path: Path, form: str) -> None:
    """Write the package."""
    chance = random.Random(7)
    spec: Literal["json", "xml"] = "json" if form == "json" else "xml"
    out = environment(spec, "3.1")
    with zipfile.ZipFile(path, "w") as package:
        package.writestr("[Content_Types].xml", _TYPES)
        package.writestr("_rels/.rels", _relations(_ORIGIN, "/aasx/aasx-origin"))
        package.writestr("aasx/aasx-origin", b"")
        package.writestr("aasx/_rels/aasx-origin.rels", _relations(_SPEC, f"/aasx/data.{spec}"))
        with package.open(f"aasx/data.{spec}", "w", force_zip64=True) as part:
            for document in _documents(form, chance):
                part.write(out.document(document))
            part.write(out.end())
        if form == "files":
            for at in range(MEGABYTES):
                package.writestr(f"aasx/files/{at}.bin", chance.randbytes(1 << 20))


class _Node:
    """A running node that takes a package in."""

    def __init__(self, folder: Path, name: str) -> None:
        self.firm = Firm(folder, name, url=False)
        self.served = self.firm.up()
        time.sleep(2.0)
        self._process = Path(f"/proc/{self.served.process.pid}")

    def memory(self) -> float:
        """Megabytes that it held at most since ``forget``."""
        lines = (self._process / "status").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))

    def forget(self) -> None:
        """The highest so far does not count."""
        (self._process / "clear_refs").write_text("5", encoding="ascii")

    def spent(self) -> float:
        """Processor seconds of all its threads that are there."""
        told = (self._process / "stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(told[11]) + int(told[12])) / 100

    def take(self, file: Path) -> tuple[float, float, int]:
        """(megabytes above idle, processor seconds, how often it told how far it is)."""
        self.forget()
        before, spent = self.memory(), self.spent()
        connection = HTTPConnection("127.0.0.1", self.firm.port)
        with file.open("rb") as body:
            connection.request("POST", f"/api/weft/v1/twins/import?name={file.name}", body, {
                "Authorization": f"Bearer {self.firm.token}", "Content-Length": str(file.stat().st_size)})
            lines = [json.loads(line) for line in connection.getresponse()]
        connection.close()
        if not lines or not lines[-1].get("imported", {}).get("taken"):
            raise RuntimeError(f"{file.name} was not taken in: {lines[-1:]}")
        return self.memory() - before, self.spent() - spent, len(lines) - 1


def _whole(file: Path, form: str) -> tuple[float, float]:
    run = subprocess.run([sys.executable, "-c", _WHOLE, str(file), form], capture_output=True, text=True, check=True,
                         cwd=ROOT)
    memory, seconds = json.loads(run.stdout.splitlines()[-1])
    return memory, seconds


def results(forms: tuple[str, ...] = ("files", "json", "xml")) -> list[Result]:
    """Memory and processor time of each form."""
    told: list[Result] = []
    for form in forms:
        with tempfile.TemporaryDirectory(prefix="weft-bench-") as folder:
            file = Path(folder) / f"{form}.aasx"
            built(file, form)
            node = _Node(Path(folder), f"Importer-{form}")
            try:
                memory, seconds, steps = node.take(file)
            finally:
                node.firm.end()
            whole, theirs = _whole(file, form)
            name = f"{file.name}, {MEGABYTES} MB"
            told += [
                Result(f"{name}: memory above idle", f"{memory:,.0f} MB", f"{whole:,.0f} MB", memory / max(whole, 1),
                       f"< {MOST_MB:g} MB", memory < MOST_MB),
                Result(f"{name}: processor time", f"{seconds:,.1f} s", f"{theirs:,.1f} s", seconds / max(theirs, 0.01)),
                Result(f"{name}: told how far it is", f"{steps} times")]
    return told


if __name__ == "__main__":
    show(results(tuple(sys.argv[1:]) or ("files", "json", "xml")))
