"""``weft price verify`` on a machine without a node: 0 true, 1 false with the reason, 2 cannot be known."""

import json
import time

import msgspec
import pytest

from tests.engine.pricelog.firms_of_the_log import Branch, batch
from tests.engine.pricelog.sealed import SEEN_S, files, trade
from tests.pricing.books import DRAFT, valves
from tests.till.counter import Counter
from weft import cli
from weft.basis import instant
from weft.engine.pricelog import evidence, forks
from weft.thread.event import wire
from weft.till import qr
from weft.tlog import note
from weft.tlog.note import COSIGNATURE

TRADE = trade()
FILES = files(TRADE)


@pytest.fixture
def run(tmp_path, capsys):
    def ran(content: bytes | str, *options: str, **beside: bytes):
        """The exit code and the JSON answer for ``content`` in a file; ``beside``: options with files of their own."""
        path = tmp_path / "it"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        words = [*options]
        for name, data in beside.items():
            (tmp_path / name).write_bytes(data)
            words += [f"--{name.rstrip('_')}", str(tmp_path / name)]
        code = cli.run(["price", "verify", str(path), *words, "--json"])
        return code, json.loads(capsys.readouterr().out)

    return ran


@pytest.mark.parametrize("kind", ["quotation", "order", "invoice"])
def test_a_proof_is_true(run, kind):
    code, told = run(FILES[kind])
    assert (code, told["result"], told["level"]) == (0, "true", 3)
    assert "public rule" in told["sentence"] and told["document"]["kind"] == kind
    assert len(told["seen"]) == 3


def test_a_changed_proof_is_false_with_the_reason(run):
    code, told = run(FILES["invoice"].replace(b'"need":2', b'"need":3'))
    assert (code, told["result"], told["said"]) == (1, "false", "seal")


def test_for_who_trusts_other_firms_it_cannot_be_known(run):
    key = note.vkey(note.key_of("w/mine", TRADE.buyer.first, COSIGNATURE))
    policy = f"witness mine {key}\nquorum mine\n".encode()
    code, told = run(FILES["quotation"], policy=policy)
    assert (code, told["result"], told["said"], told["own_policy"]) == (2, "unknown", "too-few", True)


def test_for_people_it_is_told_in_sentences(tmp_path, capsys):
    path = tmp_path / "quotation.json"
    path.write_bytes(FILES["quotation"])
    assert cli.run(["price", "verify", str(path)]) == 0
    out = capsys.readouterr().out
    assert out.splitlines()[1].startswith("True. This price follows the public rule of")
    assert "seen by 3 firms" in out and "Level 3" in out and "⟦" not in out


def sold():
    return Counter(book=valves(), firm=TRADE.seller.firm.id).sale(("V15", "12"))


def test_a_slip_alone_cannot_be_known_and_why_is_said(run):
    pair = sold()
    for content in (qr.encode(pair), pair.canonical):
        code, told = run(content)
        assert (code, told["result"]) == (2, "unknown")
        assert {one["code"] for one in told["findings"]} >= {"keys-missing", "book-missing"}


def test_a_slip_with_its_book_follows_the_rule_as_far_as_can_be_known(run):
    code, told = run(qr.encode(sold()), book=json.dumps(DRAFT).encode())
    assert code == 2 and told["steps"]["price"] == "ok"
    dearer = {**DRAFT, "lines": [{"item": "V15", "unit": "C62", "tiers": [{"from": "1", "price": "41"}]}]}
    code, told = run(qr.encode(sold()), book=json.dumps(dearer).encode())
    assert (code, told["said"]) == (2, "cli.price.own-file")  # that the reader has another book accuses nobody


def test_the_text_of_a_code_may_stand_on_the_command_line(capsys):
    assert cli.run(["price", "verify", qr.encode(sold()), "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["document"]["kind"] == "slip"


def test_a_slip_of_a_till_that_its_firm_does_not_know_is_false(run):
    code, told = run(qr.encode(sold()), with_=FILES["quotation"])
    assert (code, told["said"]) == (1, "signature")


def test_a_slip_at_another_price_is_false(run):
    pair = Counter(book=valves(), firm=TRADE.seller.firm.id).sale(("V15", "12"), unit_price="99", off_book=False)
    code, told = run(qr.encode(pair), book=json.dumps(DRAFT).encode())
    assert (code, told["said"]) == (1, "price-differs")
    broken = qr.encode(sold())
    code, told = run(broken[:-1] + ("A" if broken[-1] != "A" else "Q"))
    assert code == 1


def test_the_readers_own_book_and_a_proof_of_the_same_firm_go_together(run):
    """The book comes apart, its entry in the record and the firm's keys with the proof."""
    from tests.engine.pricelog.sealed import till_of

    pair, beside = till_of(TRADE)
    book = json.dumps(DRAFT).encode()
    code, told = run(qr.encode(pair), "--max-age", "60", book=book, with_=beside)
    assert (code, told["result"], told["level"]) == (0, "true", 2)
    dear = {**DRAFT, "lines": [{"item": "V15", "unit": "C62", "tiers": [{"from": "1", "price": "41"}]}]}
    code, told = run(qr.encode(pair), "--max-age", "60", book=json.dumps(dear).encode(), with_=beside)
    assert (code, told["result"]) == (2, "unknown")
    wrong = Counter(book=valves(), firm=TRADE.seller.firm.id, at_ms=instant.to_ms(pair.slip.at)).sale(
        ("V15", "12"), unit_price="99", off_book=False)
    code, told = run(qr.encode(wrong), "--max-age", "60", book=book, with_=beside)
    assert (code, told["said"]) == (1, "price-differs")


def broken(data: bytes) -> list[bytes]:
    """What a bad carrier makes of a file, and what is no such file at all."""
    return [b"", b" " * 200, b"null", b"{}", b"[]", b"\xff\xfe" + data[:90], data[:50], data[:len(data) // 2],
            data[:-20], data + b"{}", b"\xef\xbb\xbf" + data, json.dumps(json.loads(data), indent=1).encode()]


@pytest.mark.parametrize("place", range(12))
def test_what_was_cut_or_respelled_on_its_way_cannot_be_known(run, place):
    code, told = run(broken(FILES["invoice"])[place])
    assert (code, told["result"], told["said"]) == (2, "unknown", "cli.price.damaged")


def test_blanks_without_end_before_a_proof_cannot_be_known(run):
    code, told = run(b" " * (17 << 20) + FILES["invoice"])
    assert (code, told["said"]) == (2, "cli.price.damaged")
    assert run(b"\n\n" + FILES["invoice"] + b"\n")[0] == 0


def test_a_cut_code_of_a_slip_cannot_be_known(run):
    text = qr.encode(sold())
    for length in (11, 20, len(text) // 2):
        code, told = run(text[:length])
        assert (code, told["said"]) == (2, "cli.price.damaged")


@pytest.mark.parametrize("name", ["policy", "book", "with_"])
@pytest.mark.parametrize("data", [
    b"", b"hello", b"{}", b"\xff\xfe\x00", b"[[[[", b'{"key_logs":{}}', FILES["invoice"][:-20]])
def test_what_the_reader_brings_broken_accuses_nobody(run, name, data):
    from tests.engine.pricelog.sealed import till_of

    pair, _ = till_of(TRADE)
    code, told = run(pair.canonical, **{name: data})
    assert (code, told["result"], told["said"]) == (2, "unknown", "cli.price.own-file")
    assert f"--{name.rstrip('_')}" in told["sentence"]


def test_a_proof_beside_that_somebody_changed_accuses_nobody(run):
    from tests.engine.pricelog.sealed import till_of

    pair, beside = till_of(TRADE)
    assert run(pair.canonical, "--max-age", "60", with_=beside)[0] == 0
    code, told = run(pair.canonical, "--max-age", "60", with_=beside.replace(b'"need":2', b'"need":3'))
    assert (code, told["said"]) == (2, "cli.price.own-file")


def test_for_programs_there_is_an_answer_even_when_there_is_no_file(capsys):
    assert cli.run(["price", "verify", "no-such-file", "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["result"] == "unknown"


def test_a_record_that_tells_two_stories_is_false_and_explained(run):
    firm = TRADE.seller.firm
    ones, others = (Branch(TRADE.origin, firm.device, [batch(k), batch(k + 1)]) for k in (1, 5))
    proof = forks.make(firm.id, [wire(one).decode() for one in firm.log], (ones.note(), others.note()))
    code, told = run(proof)
    assert (code, told["result"]) == (1, "false") and told["said"].startswith("fork.")


def test_a_price_book_is_still_looked_at_for_what_keeps_it_from_being_published(run):
    code, told = run(json.dumps(DRAFT))
    assert code == 0 and told["hash"] == valves().hash
    code, _ = run(json.dumps({**DRAFT, "attributes": {"channel": ["web"]}}))
    assert code == 1


def test_a_file_that_is_not_there_is_said(capsys):
    assert cli.run(["price", "verify", "no-such-file"]) == 2
    assert "no-such-file" in capsys.readouterr().err


def test_the_text_of_a_code_is_true_with_any_proof_of_the_same_firm(tmp_path, capsys):
    """As a customer has it: the slip's code, and a proof of that firm from another purchase."""
    from tests.engine.pricelog.sealed import till_of

    pair, beside = till_of(TRADE)
    (tmp_path / "beside").write_bytes(beside)
    words = ["price", "verify", qr.encode(pair), "--with", str(tmp_path / "beside"), "--json"]
    assert cli.run([*words, "--max-age", "60"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["result"], told["level"]) == ("true", 2) and "committed" not in told["steps"]
    assert cli.run(words) == 2  # that proof is weeks older than the slip: another rule may have held by then
    assert json.loads(capsys.readouterr().out)["said"] == "too-old"


def test_how_old_it_is_stands_beside_the_answer(run, tmp_path, capsys):
    code, told = run(FILES["quotation"])
    days = int((time.time() - (SEEN_S + 400_000)) // 86_400)  # the newest is that of the batch
    assert (code, told["as_of"], told["days"]) == (0, instant.from_ms((SEEN_S + 400_000) * 1000), max(0, days))
    path = tmp_path / "quotation.json"
    path.write_bytes(FILES["quotation"])
    assert cli.run(["price", "verify", str(path)]) == 0
    assert f"As of {told['as_of'][:10]}, {told['days']} day" in capsys.readouterr().out


def test_whom_a_week_is_too_long_says_so(run):
    file = evidence.parse(FILES["quotation"])
    alone = evidence.sealed(msgspec.structs.replace(file, opening=None, batch="", batch_proof=""), TRADE.buyer.device)
    assert run(alone)[1]["said"] == "follows"  # four days, and the default is a week
    code, told = run(alone, "--max-age", "3")
    assert (code, told["result"], told["said"]) == (2, "unknown", "too-old")
    assert told["sentence"].count("2026") == 1
    assert run(alone, "--max-age", "4")[0] == 0


def said_of(capsys, *words: str) -> str:
    cli.run(["price", "verify", *words])
    return capsys.readouterr().out


def test_of_a_bare_code_nothing_is_said_that_would_need_a_book_or_a_maker(capsys, monkeypatch):
    told = said_of(capsys, qr.encode(sold()))
    assert "The rule fits" not in told and "No public rule" not in told and "made this file" not in told
    assert "has not come yet" not in told and "--book" in told and "--with" in told and "⟦" not in told
    monkeypatch.setenv("WEFT_LANG", "zh")
    told = said_of(capsys, qr.encode(sold()))
    assert ": " not in told and "卖方签过名：不能确定" in told and "⟦" not in told


def test_with_its_book_the_rule_fits_is_said_as_the_control(capsys, tmp_path):
    (tmp_path / "book").write_text(json.dumps(DRAFT))
    assert "The rule fits" in said_of(capsys, qr.encode(sold()), "--book", str(tmp_path / "book"))


def test_times_are_told_with_their_zone(capsys, monkeypatch, tmp_path):
    assert " UTC\n" in said_of(capsys, qr.encode(sold()))
    (tmp_path / "weft.toml").write_text('[firm]\nname = "F"\nutc_offset_minutes = 480\n')
    monkeypatch.setenv("WEFT_HOME", str(tmp_path))
    assert " UTC+8\n" in said_of(capsys, qr.encode(sold()))


def closed_day():
    """The close of a day by a till that the firm has let in, and a proof of the firm that knows the till."""
    from tests.engine.pricelog.sealed import till_of

    pair, beside = till_of(TRADE)
    counter = Counter(book=valves(), firm=TRADE.seller.firm.id, at_ms=instant.to_ms(pair.slip.at))
    counter.sale(("V15", "12"))
    return counter.close(), beside


def test_the_close_of_a_day_is_what_it_is_and_no_false_price(run):
    close, beside = closed_day()
    code, told = run(close.canonical, with_=beside)
    assert (code, told["result"], told["said"], told["follows"]) == (0, "true", "close", None)
    assert close.slip.number in told["sentence"] and "no price" in told["sentence"]
    code, told = run(close.canonical)
    assert (code, told["result"], told["said"]) == (2, "unknown", "keys-missing")


def test_the_close_of_a_strange_till_is_false_as_the_control(run):
    close, beside = closed_day()
    strange = Counter(book=valves(), firm=TRADE.seller.firm.id, seed=9).close()
    assert run(strange.canonical, with_=beside)[:1] == (1,)
    signature = ("A" if close.signature[0] != "A" else "B") + close.signature[1:]
    changed = msgspec.structs.replace(close, signature=signature)
    assert run(changed.canonical, with_=beside)[:1] == (1,)


def test_the_whole_file_of_a_close_is_true(run):
    close, beside = closed_day()
    proof = evidence.parse(beside)
    file = evidence.File(weft=evidence.KIND, kind="slip", document=close.slip.hash, seller=close.slip.firm,
                         by=close.slip.firm, at=proof.at, need=1, slip=close.canonical.decode(),
                         key_logs={close.slip.firm: proof.key_logs[close.slip.firm]}, books=(), statements=())
    code, told = run(evidence.encode(file))
    assert (code, told["said"]) == (0, "close")
    other = msgspec.structs.replace(file, document="A" * 43)
    assert run(evidence.encode(other))[:1] == (1,)
