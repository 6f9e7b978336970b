"""Five ways to cheat with prices, over real nodes: who catches the seller, when, and what would have gone unseen.

A seller sells valves to Anna and to Bruno. All three are witnesses of their partners, as every node is.

    cheat                              caught by                       when
    two books for two buyers           both, by what they tell         as soon as Anna and Bruno talk; a buyer that
                                                                       wants two witnesses, at once
    a book dated back                  a buyer that had looked         when the offer comes
    a rewritten record                 every witness                   at the next state that it is shown
    a document left out                its buyer                       a day later
    a bill off the book                its buyer                       when the bill comes
"""

import json

import msgspec
import pytest

from tests.engine.pricelog.firms_of_the_log import Branch, branch, stop, with_prices
from tests.engine.world import Wires, befriend, found, quiet, until
from weft import cli
from weft.basis import instant
from weft.basis.canonical import b64, unb64
from weft.basis.errors import WeftError
from weft.config import Rules
from weft.engine.commands import run
from weft.engine.pricelog import batches, checking, evidence, forks, gathering, known, log, monitor, showing, witness
from weft.engine.views import VIEWS
from weft.pricing import book as books
from weft.pricing import check, commitment, evaluate, leaf
from weft.tlog import merkle, note, proof
from weft.trade.messages import Invoice, InvoiceLine, PriceEvidence, Quotation, QuotationLine
from weft.trade.shown import PriceBookShown, PriceOpening, PricesCommitted

DAY_MS = 86_400_000
LIST = {"id": "valves", "name": "Valves", "currency": "CNY", "basis": "net", "tax": {"category": "S", "percent": "13"},
        "lines": [{"item": "V15", "unit": "C62", "tiers": [{"from": "1", "price": "40"}]}],
        "valid_from": "2020-01-01T00:00:00Z"}
DEAR = {**LIST, "lines": [{"item": "V15", "unit": "C62", "tiers": [{"from": "1", "price": "48"}]}]}
ASK = Rules()  # a cheat makes its offers and bills by hand


@pytest.fixture
async def firms():
    wires = Wires()
    seller = await with_prices(await found(wires, "Seller", rules=ASK), wires)
    anna, bruno = [await with_prices(await found(wires, name, rules=ASK), wires) for name in ("Anna", "Bruno")]
    for one in (anna, bruno):
        await befriend(seller, one)
    await befriend(anna, bruno)
    await run(seller, "publish-prices", {"book": LIST})
    await quiet(seller, anna, bruno)
    yield seller, anna, bruno
    await stop(seller, anna, bruno)


def later(ms: int, *nodes) -> None:
    for node in nodes:
        node.clock.ms += ms


def now(node) -> str:
    return instant.from_ms(node.clock.now_ms())


async def seen(seller, *buyers) -> None:
    """The seller's newest state of its record is shown to its partners, who cosign it."""
    head = await log.head(seller.store)
    for buyer in buyers:
        await seller.witnessing.asking.ask(buyer.organisation, head)


async def asked(buyer, seller) -> str:
    """The buyer asks for ten valves."""
    thread = (await run(buyer, "request-quotation", {
        "supplier": "Seller", "lines": [{"item": "V15", "quantity": "10"}]})).thread

    async def there():
        return await seller.find(thread)

    await until(there)
    return thread


def offer(book, text: str) -> Quotation:
    priced = evaluate.price(book, evaluate.Attributes(item="V15", quantity="10", unit="C62"))
    line = QuotationLine(line="1", item="V15", quantity="10", unit_price=priced.unit_price, net=priced.net,
                         tax=priced.tax, gross=priced.gross, tax_percent="13", promise="2027-01-20T08:00:00.000Z")
    return Quotation(number=f"Q-{book.hash[:6]}", lines=(line,), currency="CNY", net=priced.net, tax=priced.tax,
                     gross=priced.gross, price=PriceEvidence(book=book.hash, proof=text))


def proven(lie: Branch, index: int) -> str:
    """A proof of leaf ``index`` in a record that a liar keeps."""
    path = merkle.inclusion(index, len(lie.entries), merkle.from_leaves(lie.leaves))
    return proof.encode(proof.Proof(index, tuple(path), note.parse(lie.note()))).decode()


async def quoted(seller, buyer, book, text: str, entry: bytes):
    """The seller shows a book and offers by it; the thread, the offer, and what the buyer's node says of it."""
    thread = await asked(buyer, seller)
    await seller.speak(seller.partner(buyer.organisation), PriceBookShown(
        hash=book.hash, deflated=b64(showing.deflate(book.canonical)), leaf=entry.decode(), proof=text))
    (name,) = await seller.speak(thread, offer(book, text))
    return thread, name, await verdict(buyer, thread, name)


async def honest(seller, buyer):
    """An offer by the book that is really in the record."""
    book = books.load(LIST)
    index = await showing.book_index(seller.store, book.hash)
    return await quoted(seller, buyer, book, await showing.proof_of(seller.store, index),
                        await log.entry(seller.store, index))


async def verdict(node, thread, name):
    """What the node kept of a document, once it has come and was checked; and the same worked out now."""
    async def kept():
        return await node.store.value(checking.VERDICTS, name)

    await until(kept)
    return gathering.verdict_of(await gathering.gather(node, thread, name))


async def shown_red(node, name) -> bool:
    """Whether the node holds ``name`` among what contradicts its rule, for its owner to see."""
    return name in dict(await checking.red(node))


def without(step: str):
    """A verifier that does not hear what one step finds."""
    def deaf(case) -> None:
        before = len(case.findings)
        check.STEPS[step](case)
        del case.findings[before:]

    return {**check.STEPS, step: deaf}


async def blind(node, thread, name, step: str, **changes):
    """What a verifier without ``step`` says, or one that knows less."""
    given = await gathering.gather(node, thread, name)
    known_less = msgspec.structs.replace(given.evidence, **changes)
    return check.check(given.document, known_less, given.trust, without(step) if step else check.STEPS)


async def test_an_honest_offer_is_green_for_both(firms):
    seller, anna, bruno = firms
    await seen(seller, anna, bruno)
    for buyer in (anna, bruno):
        _, name, found_ = await honest(seller, buyer)
        assert (found_.colour, found_.level, found_.follows) == ("green", 2, True)
        assert not await shown_red(buyer, name)


async def test_two_books_for_two_buyers_are_caught_when_the_buyers_talk_and_at_once_by_who_wants_two_witnesses(firms):
    seller, anna, bruno = firms
    await seen(seller, anna)
    thread, name, of_anna = await honest(seller, anna)
    # Bruno is shown another record of the same size, in which a dearer book stands.
    dear = books.load(DEAR)
    entry = leaf.encode(leaf.book_leaf(dear, 1, now(seller)))
    lie = branch(seller, [entry])
    await bruno.witnessing.add_checkpoint(seller.organisation, lie.request(0))
    bruno.witnessing._logs.instead[seller.organisation] = lie
    await monitor.follow(bruno, bruno.witnessing._logs, seller.organisation)
    other, second, of_bruno = await quoted(seller, bruno, dear, proven(lie, 0), entry)
    # The control: each sees a record that holds, and without the other nobody would ever know.
    assert (of_anna.colour, of_bruno.colour) == ("green", "green")
    # Who wants two witnesses has seen it at once: no one else can have cosigned what Bruno was shown.
    bruno.config = msgspec.structs.replace(bruno.config, prices=msgspec.structs.replace(bruno.config.prices, seen_by=2))
    assert (await verdict(bruno, other, second)).said == "too-few"
    # Anna and Bruno talk of the records that both know: there is the proof, and both are warned.
    await anna.witnessing.gossip(bruno.organisation)
    for buyer, where, which in ((anna, thread, name), (bruno, other, second)):
        assert (await checking.judge(buyer, where, which)).said == "forked"
        assert await shown_red(buyer, which)
        assert forks.verify(await known.red(buyer.store, seller.organisation)).firm == seller.organisation
        shown = evidence.verify_file(await checking.export(buyer, where, which)).verdict
        assert (shown.follows, shown.said) == (False, "forked")  # and so is anybody that they give the proof to


async def test_a_book_that_is_dated_back_is_caught_by_a_buyer_that_had_looked(firms):
    seller, anna, bruno = firms
    then = now(seller)
    later(5 * DAY_MS, seller, anna, bruno)
    await seen(seller, anna)  # Anna sees a record of one book today
    later(DAY_MS, seller, anna, bruno)
    dear = books.load(DEAR)
    entry = leaf.encode(leaf.book_leaf(dear, 2, then))  # which says that it is six days old
    async with seller.lock(log.LOCK):
        index = await log.append(seller, [entry])
    await seen(seller, anna)
    thread, name, found_ = await quoted(seller, anna, dear, await showing.proof_of(seller.store, index), entry)
    assert (found_.colour, found_.said) == ("red", "backdated")
    assert await shown_red(anna, name)
    shown = evidence.verify_file(await checking.export(anna, thread, name)).verdict
    assert (shown.follows, shown.said) == (None, "maker-saw")  # to others it is Anna's word
    # The control: who never looked sees nothing wrong.
    assert (await blind(anna, thread, name, "", sightings=())).colour == "green"


def believing(seller, *witnesses) -> bytes:
    """A policy file that wants all of ``witnesses`` to have seen the record of ``seller``."""
    names = [note.vkey(witness.key_for(one.identity, leaf.origin_of(seller.organisation)).verifier)
             for one in witnesses]
    lines = [f"witness w{k} {name}" for k, name in enumerate(names)]
    members = " ".join(f"w{k}" for k in range(len(names)))
    return "\n".join([*lines, f"group enough all {members}", "quorum enough", ""]).encode()


async def dated_back(seller, anna, *others):
    """An offer to Anna by a book that says to be six days old, while she had looked yesterday; her file of it."""
    then = now(seller)
    later(5 * DAY_MS, seller, anna, *others)
    await batches.make(seller)
    await seen(seller, anna, *others)
    later(DAY_MS, seller, anna, *others)
    dear = books.load(DEAR)
    entry = leaf.encode(leaf.book_leaf(dear, 2, then))
    async with seller.lock(log.LOCK):
        index = await log.append(seller, [entry])
    await seen(seller, anna, *others)
    thread, name, _ = await quoted(seller, anna, dear, await showing.proof_of(seller.store, index), entry)
    for _ in range(70):  # a day: what Anna met of the record meanwhile has taken the place of what she met before
        await batches.make(seller)
        await seen(seller, anna, *others)
    await showing.tell(seller)
    await quiet(seller, anna, *others)
    return await checking.export(anna, thread, name)


def printed(tmp_path, capsys, data: bytes, policy: bytes) -> tuple[int, str]:
    """The exit code and the reason that ``weft price verify`` gives."""
    (tmp_path / "offer.json").write_bytes(data)
    (tmp_path / "policy").write_bytes(policy)
    words = ["--policy", str(tmp_path / "policy")] if policy else []
    code = cli.run(["price", "verify", str(tmp_path / "offer.json"), *words, "--json"])
    return code, json.loads(capsys.readouterr().out)["said"]


async def test_that_a_book_was_dated_back_is_a_proof_for_whoever_believes_who_had_looked(firms, tmp_path, capsys):
    seller, anna, bruno = firms
    data = await dated_back(seller, anna, bruno)
    file = evidence.parse(data)
    assert len(file.older) == 1
    # 1. False, for who believes Anna's or anybody's eyes that had looked.
    assert printed(tmp_path, capsys, data, believing(seller, anna)) == (1, "backdated")
    # 2. Not to be known: Bruno's eyes alone were not there, and who believes nobody has Anna's word.
    assert printed(tmp_path, capsys, data, believing(seller, bruno)) == (2, "maker-saw")
    assert printed(tmp_path, capsys, data, b"") == (2, "maker-saw")
    # 3. The control: without that checkpoint the same file is true, to Anna's friends as well.
    without = evidence.sealed(msgspec.structs.replace(file, older=(), seen=()), anna.identity.signer)
    assert printed(tmp_path, capsys, without, believing(seller, anna)) == (0, "follows")


async def test_a_checkpoint_that_is_bent_accuses_nobody_of_dating_back(firms, tmp_path, capsys):
    seller, anna, bruno = firms
    file = evidence.parse(await dated_back(seller, anna, bruno))
    text, lines = file.older[0].rsplit("\n\n", 1)
    log_line, anna_line, _ = lines.split("\n")
    for older in (f"{text}\n\n{log_line}\n", f"{text}\n\n{anna_line}\n",
                  file.older[0].replace(anna_line[-8:], "AAAAAAA=")):
        bent = evidence.sealed(msgspec.structs.replace(file, older=(older,), seen=()), anna.identity.signer)
        code, said_ = printed(tmp_path, capsys, bent, believing(seller, anna))
        assert (code, said_) in {(1, "older-malformed"), (1, "cosignature")}


async def test_who_was_shown_openings_has_the_eyes_of_all_that_had_seen_them(firms, tmp_path, capsys):
    """Anna and Bruno cosigned the batch whose opening Anna was shown: its proof holds both signatures."""
    seller, anna, bruno = firms
    then = now(seller)
    await honest(seller, anna)
    later(5 * DAY_MS, seller, anna, bruno)
    await batches.make(seller)
    await seen(seller, anna, bruno)
    await showing.tell(seller)
    await quiet(seller, anna, bruno)
    later(DAY_MS, seller, anna, bruno)
    entry = leaf.encode(leaf.book_leaf(dear := books.load(DEAR), 2, then))
    async with seller.lock(log.LOCK):
        index = await log.append(seller, [entry])
    await seen(seller, anna, bruno)
    await anna.witnessing.gossip(bruno.organisation)  # by which key Bruno witnesses
    thread, name, _ = await quoted(seller, anna, dear, await showing.proof_of(seller.store, index), entry)
    data = await checking.export(anna, thread, name)
    assert printed(tmp_path, capsys, data, believing(seller, bruno)) == (1, "backdated")
    assert printed(tmp_path, capsys, data, believing(seller, anna, bruno)) == (1, "backdated")


async def test_an_old_dearer_version_is_caught_by_who_follows_the_record(firms):
    seller, anna, bruno = firms
    cheap = {**LIST, "lines": [{"item": "V15", "unit": "C62", "tiers": [{"from": "1", "price": "36"}]}]}
    later(60_000, seller, anna, bruno)
    await run(seller, "publish-prices", {"book": cheap})
    await quiet(seller, anna, bruno)
    await seen(seller, anna)
    later(60_000, seller, anna, bruno)
    thread, name, found_ = await honest(seller, anna)  # by the first version, at 40
    assert (found_.colour, found_.said) == ("red", "newer-in-force")
    shown = evidence.verify_file(await checking.export(anna, thread, name)).verdict
    assert (shown.follows, shown.said) == (False, "newer-in-force")
    assert (await blind(anna, thread, name, "newest")).colour == "green"  # the control


async def test_a_rewritten_record_is_refused_by_every_witness_and_proves_itself(firms):
    seller, anna, bruno = firms
    await batches.make(seller)
    await seen(seller, anna)
    truth = [await log.entry(seller.store, index) for index in range(2)]
    dear = leaf.encode(leaf.book_leaf(books.load(DEAR), 1, now(seller)))
    lie = branch(seller, [dear, *truth[1:], leaf.encode(leaf.BatchLeaf(root=b64(bytes(32)), n=64, at=now(seller)))])
    with pytest.raises(WeftError) as caught:
        await anna.witnessing.add_checkpoint(seller.organisation, lie.request(2))
    assert witness.status(caught.value) == 422
    anna.witnessing._logs.instead[seller.organisation] = lie
    with pytest.raises(WeftError):
        await monitor.follow(anna, anna.witnessing._logs, seller.organisation)
    assert forks.verify(await known.red(anna.store, seller.organisation)).code == "rewritten"
    # The control: Bruno, who has seen nothing of it, cosigns the new history.
    assert await bruno.witnessing.add_checkpoint(seller.organisation, lie.request(0))


async def test_a_document_that_is_left_out_is_caught_by_its_buyer_a_day_later(firms):
    seller, anna, bruno = firms
    await seen(seller, anna, bruno)
    thread, name, _ = await honest(seller, anna)
    kept_thread, kept_name, _ = await honest(seller, bruno)
    # Of the two offers the seller forgets Anna's before its next batch.
    await quiet(seller, anna, bruno)
    await seller.store.commit(batches.Batch(values=[(batches.PENDING, name, None)]))
    later(20 * 60_000, seller, anna, bruno)
    await batches.make(seller)
    await seen(seller, anna, bruno)
    await showing.tell(seller)
    await quiet(seller, anna, bruno)
    assert (await verdict(bruno, kept_thread, kept_name)).level == 3
    assert (await verdict(anna, thread, name)).colour == "green"  # the seller has a day
    later(DAY_MS, seller, anna, bruno)
    await checking.tick(anna)
    assert (await verdict(anna, thread, name)).said == "commit-overdue"  # perhaps it only cannot be reached
    await run(seller, "update-party", {})
    await quiet(seller, anna, bruno)
    await checking.look_again(anna, seller.organisation)
    assert (await verdict(anna, thread, name)).said == "commit-missing"
    assert await shown_red(anna, name)
    assert (await blind(anna, thread, name, "committed")).colour == "green"  # the control


async def test_a_binding_that_is_shown_to_one_buyer_alone_binds_nobody_and_proves_a_fork(firms):
    seller, anna, bruno = firms
    await seen(seller, anna)
    thread, name, _ = await honest(seller, anna)
    await quiet(seller, anna, bruno)
    # A batch in a record that only Anna is shown, while the true one goes on without her offer.
    private = branch(seller, [await log.entry(seller.store, 0)])
    draw = seller.random
    salt = draw(32)
    batch = commitment.batch([commitment.commit(salt, unb64(name))], draw)
    entry = leaf.encode(leaf.BatchLeaf(root=batch.root, n=batch.n, at=now(seller)))
    private = branch(seller, [*private.entries, entry])
    opened = msgspec.to_builtins(commitment.opening(batch, salt, unb64(name)))
    await seller.store.commit(batches.Batch(values=[(batches.PENDING, name, None)]))
    await batches.make(seller)
    await seen(seller, anna)
    await seller.speak(seller.partner(anna.organisation), PricesCommitted(
        leaf=entry.decode(), proof=proven(private, 1), openings=(msgspec.convert(opened, PriceOpening),)))
    await quiet(seller, anna, bruno)
    assert (await checking.judge(anna, thread, name)).said == "forked"
    # The control: without what Anna has seen herself, the opening alone would have satisfied her.
    assert (await blind(anna, thread, name, "origin")).colour == "green"


async def test_a_bill_off_the_book_is_caught_when_it_comes(firms):
    seller, anna, bruno = firms
    await seen(seller, anna)
    thread, _, _ = await honest(seller, anna)
    await run(anna, "order", {"thread": thread})
    await quiet(seller, anna, bruno)
    await run(seller, "respond", {"thread": thread})
    relationship = seller.partner(anna.organisation)

    def bill(number: str, net: str, tax: str, gross: str) -> Invoice:
        line = InvoiceLine(order=thread, order_line="1", item="V15", quantity="10", net=net, tax=tax, gross=gross,
                           tax_percent="13")
        return Invoice(number=number, lines=(line,), currency="CNY", net=net, tax=tax, gross=gross, payable=gross)

    (right,) = await seller.speak(relationship, bill("I-1", "400.00", "52.00", "452.00"))
    assert (await verdict(anna, relationship, right)).colour == "green"
    (wrong,) = await seller.speak(relationship, bill("I-2", "410.00", "53.30", "463.30"))
    found_ = await verdict(anna, relationship, wrong)
    assert (found_.colour, found_.said) == ("red", "bill-differs")
    assert await shown_red(anna, wrong) and not await shown_red(anna, right)
    assert (await blind(anna, relationship, wrong, "price")).colour == "green"  # the control


async def test_an_offer_off_the_book_that_does_not_say_so_is_caught_when_it_comes(firms):
    seller, anna, _ = firms
    await seen(seller, anna)
    index = await showing.book_index(seller.store, books.load(LIST).hash)
    text = await showing.proof_of(seller.store, index)
    await honest(seller, anna)
    thread = await asked(anna, seller)
    dear = msgspec.structs.replace(offer(books.load(DEAR), text), price=PriceEvidence(
        book=books.load(LIST).hash, proof=text))
    (name,) = await seller.speak(thread, dear)
    assert (await verdict(anna, thread, name)).said == "price-differs"
    assert (await blind(anna, thread, name, "price")).colour == "green"  # the control


async def test_what_contradicts_its_rule_stands_on_the_first_page_until_it_is_settled(firms):
    seller, anna, bruno = firms
    await seen(seller, anna)
    thread, _, _ = await honest(seller, anna)
    await run(anna, "order", {"thread": thread})
    await quiet(seller, anna, bruno)
    await run(seller, "respond", {"thread": thread})
    relationship = seller.partner(anna.organisation)
    line = InvoiceLine(order=thread, order_line="1", item="V15", quantity="10", net="410.00", tax="53.30",
                       gross="463.30", tax_percent="13")
    (bill,) = await seller.speak(relationship, Invoice(number="I-1", lines=(line,), currency="CNY", net="410.00",
                                                       tax="53.30", gross="463.30", payable="463.30"))
    await verdict(anna, relationship, bill)

    async def warned():
        return [one.number for one in (await VIEWS["today"](anna)).answer if one.kind == "price-red"]

    assert await warned() == ["I-1"]
    await run(seller, "credit", {
        "partner": "Anna", "invoice": bill, "reason": "billed wrongly", "lines": [msgspec.to_builtins(line)]})
    await quiet(seller, anna, bruno)
    assert await warned() == []


async def test_the_seller_sees_of_its_own_offers_what_its_buyers_see(firms):
    seller, anna, _ = firms
    await seen(seller, anna)
    thread, name, _ = await honest(seller, anna)
    own = gathering.verdict_of(await gathering.gather(seller, thread, name))
    assert (own.colour, own.level, own.seen) == ("green", 2, (anna.organisation,))
    shown = (await VIEWS["order"](seller, thread=thread)).proof
    assert (shown.colour, shown.ours) == ("green", True)
