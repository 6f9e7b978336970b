"""Over HTTP: a foreign witness cosigns our log, and a foreign client has our witness cosign; both refuse what forks."""

import asyncio
import base64
import contextlib
import json

import msgspec
import pytest
import uvicorn
from starlette.applications import Starlette

from tests.doors.pricelog.foreign_witness import GoWitness, build
from tests.engine.pricelog.firms_of_the_log import PricePeers, append, batch, branch, firms, stop
from weft.basis.canonical import b64
from weft.doors import pricelog
from weft.engine.pricelog import gossip, log, witness
from weft.engine.pricelog.witnessing import Witnessing
from weft.peers.guard import Guard, Reach
from weft.peers.witness import HttpPriceLogs
from weft.pricing.leaf import origin_of
from weft.serving import bind
from weft.tlog import cosignature, merkle, note
from weft.tlog import witness as protocol


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    return build(tmp_path_factory.mktemp("foreign"))


@contextlib.asynccontextmanager
async def served(node):
    """The door of ``node`` on loopback; its address."""
    listener = bind("127.0.0.1", 0)
    server = uvicorn.Server(uvicorn.Config(Starlette(routes=pricelog.routes(node)), log_level="error", lifespan="off"))
    server.capture_signals = contextlib.nullcontext
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        await serving
        listener.close()


class Naming(PricePeers):
    """A partner that has its witness beside its node: its statement names a foreign one."""

    vkey = ""

    async def request(self, organisation, path, body):
        answer = await PricePeers.request(self, organisation, path, body)
        if path != gossip.SHOW_PATH:
            return answer
        shown, partner = gossip.read(answer, gossip.Shown), self.wires.nodes[organisation].identity
        said = witness._said(organisation, shown.statement.origin, self.vkey)
        statement = msgspec.structs.replace(shown.statement, vkey=self.vkey, signature=b64(partner.signer.sign(said)))
        return msgspec.json.encode(msgspec.structs.replace(shown, statement=statement, door=""))


async def test_a_foreign_witness_cosigns_our_log_as_it_grows_and_refuses_a_fork(program):
    _, (seller, partner) = await firms("Seller", "Partner")
    go = GoWitness(program, note.vkey((await log.keys(seller))[0]))
    try:
        logs = HttpPriceLogs(lambda _: go.url, Guard(Reach.HERE), memory=seller)
        seller.peers = Naming(seller.organisation, seller.peers.wires)
        seller.peers.vkey = go.vkey
        seller.witnessing = Witnessing(seller, logs)
        key = note.parse_vkey(go.vkey)
        for count in (5, 300, 1):
            now = await append(seller, *(batch(k) for k in range(count)))
            await seller.witnessing.asking.ask(partner.organisation, now)
            found = note.verify((await log.head(seller.store)).read, [key], cosignature.is_signed)
            assert cosignature.timestamp_of(found[key].value) > 1_700_000_000
        # What we knew of it is lost: it says how far it has seen us, and we go on from there.
        seller.witnessing.asking.asked.clear()
        now = await append(seller, batch(9))
        await seller.witnessing.asking.ask(partner.organisation, now)
        assert key in note.verify((await log.head(seller.store)).read, [key], cosignature.is_signed)
        # The control: another history of ours is not cosigned.
        lie = branch(seller, [batch(k) for k in range(400)])
        status, _ = await logs.add_checkpoint(partner.organisation, "", lie.request(now.size))
        assert status == 422
        status, answer = await logs.add_checkpoint(partner.organisation, "", lie.request(3))
        assert (status, protocol.parse_conflict(answer)) == (409, now.size)
        await logs.close()
    finally:
        go.end()
        await stop(seller, partner)


async def test_a_foreign_client_has_our_witness_cosign_and_understands_each_refusal(program):
    _, (seller, other) = await firms("Seller", "Witness")
    entries = [batch(k) for k in range(300)]
    truth, lie = branch(seller, entries), branch(seller, [batch(77), *entries[1:]])
    strange = branch(other, entries)
    vkey = note.vkey(witness.key_for(other.identity, truth.origin).verifier)
    async with served(other) as url:
        door = f"{url}/pricelog/witness/{witness.door_for(other.identity, origin_of(seller.organisation))}"
        wrong = door[:-1] + ("y" if door.endswith("x") else "x")

        def request(of, old, size, *, at=door, proof=None, bent=False):
            leaves = merkle.from_leaves(of.leaves[:size])
            made = proof if proof is not None else merkle.consistency(old, size, leaves) if old <= size else []
            text = of.note(size).decode()
            if bent:
                said = note.parse(of.note(size)).text
                text = note.encode(note.Note(said, (note.sign(said, of.origin, other.identity.signer),))).decode()
            return {"url": at, "vkey": vkey, "old": old, "proof": [base64.b64encode(one).decode() for one in made],
                    "checkpoint": text}

        asked = [
            request(truth, 0, 5), request(truth, 5, 257), request(truth, 257, 257), request(truth, 5, 300),
            request(lie, 257, 300), request(truth, 257, 300, proof=[bytes(32)]), request(truth, 300, 257),
            request(truth, 257, 300, bent=True), request(strange, 0, 5), request(truth, 257, 300, at=wrong),
            request(truth, 257, 300, at=f"{url}/pricelog/witness"), request(truth, 257, 300)]
        process = await asyncio.create_subprocess_exec(
            str(program), "ask", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE)
        answers, _ = await asyncio.wait_for(process.communicate(json.dumps(asked).encode()), 60)
    assert [(one["what"], one["size"]) for one in json.loads(answers)] == [
        ("cosigned", 0), ("cosigned", 0), ("cosigned", 0), ("stale", 257), ("proof", 0), ("proof", 0), ("old", 0),
        ("unsigned", 0), ("unknown", 0), ("unknown", 0), ("unknown", 0), ("cosigned", 0)]
    await stop(seller, other)
