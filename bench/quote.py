"""From a buyer's request for quotation to the signed quotation in the buyer's hands, two warm nodes on loopback.

The baseline is what the wire and the disk cost in any case: two bare exchanges, each signed, verified and durable.
"""

import statistics
import tempfile
import time
from http.client import HTTPConnection
from pathlib import Path

from bench.processes import ROOT, Firm, bare, free_port, meet, wait_for
from bench.rounds import Result, limit, show

ROUNDS = 25
WARM = 3
EXAMPLE = ROOT / "examples" / "first-order"
BODY = b"x" * 1_500


def _ours(buyer: Firm, turn: int) -> float:
    begun = time.perf_counter()
    lines = [{"item": "SHAFT-20", "quantity": str(1 + turn % 2)}]
    thread = buyer.do("request-quotation", supplier="Maker", lines=lines)["thread"]
    wait_for(lambda: buyer.ask("GET", f"/api/weft/v1/threads/{thread}")["state"].get("quotation_id"), 0.002)
    return (time.perf_counter() - begun) * 1000


def _bare(port: int) -> float:
    begun = time.perf_counter()
    for _ in range(2):
        connection = HTTPConnection("127.0.0.1", port)
        connection.request("POST", "/store", BODY)
        connection.getresponse().read()
        connection.close()
    return (time.perf_counter() - begun) * 1000


def results() -> list[Result]:
    """The line of DESIGN §13 for two firms."""
    ours, plain = [], []
    with tempfile.TemporaryDirectory(prefix="weft-bench-") as folder:
        maker, buyer, other = Firm(Path(folder), "Maker"), Firm(Path(folder), "Buyer"), None
        try:
            maker.up(WEFT_RULES_QUOTE="auto")
            buyer.up()
            other = bare(Path(folder), free_port())
            maker.bring_in(EXAMPLE)
            meet(maker, buyer)
            for turn in range(WARM + ROUNDS):
                ours.append(_ours(buyer, turn))
                plain.append(_bare(other.port))
                time.sleep(0.1)
        finally:
            maker.end()
            buyer.end()
            if other is not None:
                other.end()
    told, least = statistics.median(ours[WARM:]), statistics.median(plain[WARM:])
    return [limit("request to signed quotation, two firms, warm", told, "ms", 50.0, least)]


if __name__ == "__main__":
    show(results())
