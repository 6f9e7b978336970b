"""Run as a program: import one large file into a store on disk, and say what it took (JSON).

    python tests/engine/twins/large_files.py FOLDER files|xml|json MEGABYTES [report]
"""

import asyncio
import json
import os
import random
import resource
import sys
import time
import zipfile
from pathlib import Path

from tests.engine.home import empty_node
from tests.memory import peak_kb
from tests.twin.aasx.packages import ELEMENTS, ORIGIN, SPEC, external, relationships, types
from weft.engine.clock import SystemClock
from weft.engine.twins import exchange, importing
from weft.stores.twins.store import SqliteTwins
from weft.twin.aasx.writing import environment

PROPERTIES = 50
FILE = 1 << 20


def submodel(number, chance, files=0):
    """About 14 kB of elements as tools write them, and ``files`` of a megabyte."""
    elements = [{**ELEMENTS[0], "idShort": f"Value{n}", "value": f"{chance.random():.6f}",
                 "description": [{"language": "en", "text": f"{chance.getrandbits(200):x}"}]}
                for n in range(PROPERTIES)]
    elements += [{**ELEMENTS[4], "idShort": f"File{n}", "value": f"/aasx/files/{number}-{n}.bin",
                  "contentType": "application/octet-stream"} for n in range(files)]
    return {"modelType": "Submodel", "idShort": f"S{number}", "id": f"urn:x:large:{number}", "kind": "Instance",
            "semanticId": external("urn:x:large"), "submodelElements": elements}


def built(path, form, megabytes):
    """Write the package; the bytes of its specification."""
    chance, size = random.Random(7), 0
    spec = "xml" if form == "files" else form
    out = environment(spec, "3.0")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as package:
        package.writestr("[Content_Types].xml", types())
        package.writestr("_rels/.rels", relationships((ORIGIN, "/aasx/aasx-origin")))
        package.writestr("aasx/aasx-origin", b"")
        package.writestr("aasx/_rels/aasx-origin.rels", relationships((SPEC, f"/aasx/data.{spec}")))
        with package.open(f"aasx/data.{spec}", "w", force_zip64=True) as part:
            number = 0
            while (number < megabytes if form == "files" else size < megabytes << 20):
                size += part.write(out.document(submodel(number, chance, files=form == "files")))
                number += 1
            part.write(out.end())
        if form == "files":
            for one in range(megabytes):
                package.writestr(f"aasx/files/{one}-0.bin", chance.randbytes(FILE))
    return size


def held():
    """Kilobytes that this process holds now."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * resource.getpagesize() // 1024


async def told(folder, form, megabytes, *, report):
    path = folder / f"large-{form}.aasx"
    size = built(path, form, megabytes)
    node = await empty_node()
    node.twins.opening = lambda: SqliteTwins(str(folder / "twins.db"), SystemClock())
    longest = [0.0]

    async def ticking():
        while True:
            before = time.perf_counter()
            await asyncio.sleep(0.01)
            longest[0] = max(longest[0], time.perf_counter() - before - 0.01)

    tick = asyncio.create_task(ticking())
    before, began, heard = held(), time.perf_counter(), []
    with path.open("rb") as file:
        done = await importing.take_in(node.twins, file, path.name, report_only=report,
                                       told=lambda now: heard.append(now.done))
    took, after = time.perf_counter() - began, peak_kb()
    tick.cancel()
    with (folder / "out.aasx").open("wb") as out:
        began = time.perf_counter()
        await exchange.export(node.twins, out)
    await node.twins.close()
    print(json.dumps({
        "form": form, "package_mb": path.stat().st_size >> 20, "spec_mb": size >> 20, "taken": done.taken,
        "submodels": done.submodels, "files": done.files, "s": round(took, 1), "before_mb": before >> 10,
        "peak_mb": after >> 10, "steps_told": len(set(heard)), "loop_held_ms": round(longest[0] * 1000),
        "export_s": round(time.perf_counter() - began, 1), "export_mb": (folder / "out.aasx").stat().st_size >> 20,
        "export_peak_mb": peak_kb() >> 10, "load": round(os.getloadavg()[0], 1)}))


if __name__ == "__main__":
    asyncio.run(told(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), report="report" in sys.argv))
