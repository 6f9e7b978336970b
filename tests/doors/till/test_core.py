"""The till's core in a real Chromium gives what the node gives: prices, slips, keys, canonical bytes, QR codes."""

import json
from pathlib import Path

import msgspec
import pytest
import segno
import segno.encoder

from tests.doors.till.browser_core import INSECURE_HOST, BrowserCore
from tests.vectors import prices
from tests.vectors.test_till_vectors import as_told, load
from weft.basis import canonical, quantity
from weft.basis.canonical import b64
from weft.identity import keys
from weft.pricing import schema
from weft.till import qr, slip, verify

pytestmark = pytest.mark.browser
VECTORS = Path(prices.__file__).parent
PRICE = """async (core, { books, cases }) => {
  const known = await Promise.all(books.map((one) => core.price.load(new TextEncoder().encode(one))));
  const told = [];
  for (const { book, ask } of cases) {
    told.push(await core.refusal(() => core.canonical.text(core.price.price(known[book], ask))));
  }
  return { hashes: known.map((one) => one.hash), told };
}"""
SLIPS = """async (core, texts) => {
  const told = [];
  for (const text of texts) {
    const signed = JSON.parse(text);
    told.push({
      codes: (await core.verify.verify(signed)).map((one) => one.code.replace("slip.", "")),
      hash: await core.slip.hashOf(signed.slip).catch(() => ""), number: await core.slip.numberOf(signed.slip),
      wire: new TextDecoder().decode(core.slip.wire(signed)),
    });
  }
  return told;
}"""


def test_prices(core):
    vectors = load("price.json")
    cases = vectors["cases"]
    books = [one["canonical"] for one in vectors["books"]]
    answer = core.ask(PRICE, {"books": books, "cases": [{"book": one["book"], "ask": one["ask"]} for one in cases]})
    assert answer["hashes"] == [one["hash"] for one in vectors["books"]]
    for case, told in zip(cases, answer["told"], strict=True):
        if "error" in case:
            assert told == {"error": case["error"], "facts": case["facts"]}, case
        else:
            priced = json.loads(told["value"])
            assert canonical.encode(priced).decode() == told["value"]
            assert prices.named(priced) == (case.get("named") or prices.named(case["priced"])), case


@pytest.mark.parametrize("wrong", [
    ("exact.js", "(2n * value.n * 10n ** BigInt(places) + value.d) / (2n * value.d)",
     "(2n * value.n * 10n ** BigInt(places) + value.d - 1n) / (2n * value.d)"),  # a half goes down
    pytest.param(("price.js", "(start) => !isLess(amount, start)", "(start) => isLess(start, amount)"),
                 marks=pytest.mark.release),  # a tier begins above its start
    pytest.param(("signature.js", "return await crypto.subtle.verify(NAME, known, made, message)", "return true"),
                 marks=pytest.mark.release),
    pytest.param(("closing.js", "counts.sales !== given.sales", "false"), marks=pytest.mark.release),
], ids=["half-down", "tier", "unsigned", "uncounted"])
def test_a_core_with_one_thing_wrong_is_noticed(wrong):
    """The control: each test of prices and slips fails for at least one case of such a core."""
    with BrowserCore(wrong=wrong) as bad, pytest.raises(AssertionError):
        test_prices(bad)
        test_wrong_slips_are_told_so(bad)


def test_a_book_with_more_than_the_till_knows_is_not_priced(core):
    """A new field of a book must be learnt by ``price.js`` before a till sells by it."""
    fields = {kind.__name__: [one.encode_name for one in msgspec.structs.fields(kind)]
              for kind in (schema.PriceBook, schema.Tax, schema.Line, schema.Tier, schema.Rule, schema.Condition)}
    assert core.ask("async (core) => core.price.FIELDS") == fields
    book = json.loads(load("price.json")["books"][-1]["canonical"])
    for more in ({**book, "surge": 1}, {**book, "tax": {**book["tax"], "x": 1}},
                 {**book, "rules": [{"id": "a", "if": 1}]},
                 {**book, "lines": [{**book["lines"][0], "tiers": [{"from": "0", "price": "1", "to": "me"}]}]}):
        told = core.ask("""async (core, text) => core.refusal(async () => {
          await core.price.load(new TextEncoder().encode(text));
        })""", canonical.encode(more).decode())
        assert told["error"] == "pricing.shape"


def test_a_till_sells_the_other_lines_of_a_book_with_rate_cards_and_says_why_not_these(core):
    book = json.loads(load("price.json")["books"][-1]["canonical"])
    line = book["lines"][0]
    card = {"item": "turned-part", "model": "machined-part/1", "minutes": [{"name": "turning", "price": "2"}],
            "minimum": "50"}
    ask = """async (core, [text, item, unit, quantity]) => core.refusal(async () => {
      const known = await core.price.load(new TextEncoder().encode(text));
      return core.price.price(known, { item, unit, quantity });
    })"""
    text = canonical.encode({**book, "cards": [card]}).decode()
    assert core.ask(ask, [text, "turned-part", "C62", "1"])["error"] == "till.custom"
    sold = core.ask(ask, [text, line["item"], line["unit"], "5000"])
    assert sold["value"]["attributes"]["item"] == line["item"]


def test_both_know_the_same_units_currencies_fields_and_limits(core):
    """What is added on one side must be added on the other."""
    told = core.ask("""async ({ exact, form, slip }) => ({
      units: [...exact.UNITS].sort(), minor: exact.MINOR_UNITS, bytes: slip.SLIP_BYTES_MAX, text: slip.TEXT_MAX,
      fields: Object.fromEntries(Object.entries(form.FORMS).map(([name, fields]) => [name, Object.fromEntries(
        Object.entries(fields).map(([field, [, own]]) => [field, own === undefined ? "needed" : own]))])),
    })""")
    kinds = (slip.Slip, slip.Line, slip.Close, slip.ByWay, slip.ByRate, slip.Drawer)
    assert told == {
        "units": sorted(quantity.UNITS), "minor": quantity.MINOR_UNITS, "bytes": slip.SLIP_BYTES_MAX,
        "text": qr.TEXT_MAX,
        "fields": {kind.__name__: {one.encode_name: standard(one) for one in msgspec.structs.fields(kind)}
                   for kind in kinds}}


def standard(field) -> object:
    """The default of a field as JSON, or "needed"."""
    if field.default_factory is not msgspec.NODEFAULT:
        return field.default_factory()
    if field.default is msgspec.NODEFAULT:
        return "needed"
    return list(field.default) if isinstance(field.default, tuple) else field.default


def test_a_price_that_is_a_cent_off_follows_no_book(core):
    vectors = load("price.json")
    case = next(one for one in vectors["cases"] if "priced" in one)
    assert core.ask("""async (core, { book, priced }) => {
      const known = await core.price.load(new TextEncoder().encode(book));
      return [core.price.follows(known, priced), core.price.follows(known, { ...priced, net: priced.net + "1" })];
    }""", {"book": vectors["books"][case["book"]]["canonical"], "priced": case["priced"]}) == [True, False]


def test_slips_hold(core):
    cases = load("slip.json")["slips"]
    for case, told in zip(cases, core.ask(SLIPS, [one["text"] for one in cases]), strict=True):
        assert told == {"codes": [], "hash": case["hash"], "number": case["number"], "wire": case["text"]}


def test_wrong_slips_are_told_so(core):
    cases = load("slip.json")["wrong"]
    for case, told in zip(cases, core.ask(SLIPS, [one["text"] for one in cases]), strict=True):
        assert told["codes"] == case["codes"], case["name"]


def test_slips_follow_each_other_and_agree_with_returns_and_closings(core):
    told = core.ask("""async (core, texts) => {
      const faults = [], known = new Map();
      let before = null, day = [], last = null;
      for (const text of texts) {
        const { slip } = JSON.parse(text);
        if (slip.n === 1) [before, day, last] = [null, [], null];
        faults.push(...await core.verify.follows(slip, before));
        if (slip.kind === "return") {
          faults.push(...await core.returns.check(slip, known.get(slip.of), [...known.values()]));
        }
        if (slip.kind === "close") {
          faults.push(...core.closing.check(slip, day, last));
          const { opening, counted, removed } = slip.close.cash;
          const anew = core.closing.close(day, slip.currency, last ? last.n + 1 : 1, { opening, counted, removed });
          const same = core.canonical.text(core.slip.make({ ...slip, close: anew })) === core.canonical.text(slip);
          if (!same) faults.push(slip.n);
          [day, last] = [[], slip];
        } else day.push(slip);
        known.set(await core.slip.hashOf(slip), slip);
        before = slip;
      }
      return faults;
    }""", [one["text"] for one in load("slip.json")["slips"]])
    assert told == []


def test_neighbours(core):
    cases = load("slip.json")["following"]
    told = core.ask("""async (core, cases) => Promise.all(cases.map(async ({ slip, before }) => {
      const findings = await core.verify.follows(JSON.parse(slip), before ? JSON.parse(before) : null);
      return findings.map((one) => one.code.replace("slip.", ""));
    }))""", cases)
    assert told == [one["codes"] for one in cases]


def test_what_is_taken_back(core):
    cases = load("slip.json")["taking"]
    told = core.ask("""async (core, cases) => {
      const told = [];
      for (const one of cases) told.push(await core.refusal(async () => core.canonical.text(await core.returns.lines(
        JSON.parse(one.sale), one.earlier.map((text) => JSON.parse(text)), one.wanted))));
      return told;
    }""", cases)
    for case, answer in zip(cases, told, strict=True):
        assert answer.get("error", "") == case.get("error", "")
        assert answer.get("value", "") == case.get("lines", "")


def test_spellings(core):
    cases = load("slip.json")["spellings"]
    told = core.ask("""async (core, texts) => Promise.all(texts.map((text) => core.refusal(() => {
      core.slip.parse(new TextEncoder().encode(text));
    })))""", [one["text"] for one in cases])
    for case, answer in zip(cases, told, strict=True):
        assert as_told(answer.get("error", ""), case["code"]), case


def test_texts_of_codes(core):
    cases = load("slip.json")["texts"]
    told = core.ask("""async (core, texts) => {
      const told = [];
      const held = async (text) => core.slip.hashOf((await core.slip.fromQr(text)).slip);
      for (const text of texts) told.push(await core.refusal(() => held(text)));
      return told;
    }""", [one["text"] for one in cases])
    for case, answer in zip(cases, told, strict=True):
        assert as_told(answer.get("error", ""), case["code"]), case["text"][:60]
        assert answer.get("value", "") == case["hash"]


def test_a_slip_made_and_signed_in_the_browser_holds_for_the_node(core):
    text = load("slip.json")["slips"][2]["text"]
    made = core.ask("""async (core, text) => {
      const key = await core.signature.key(), life = core.slip.newLife(), sale = JSON.parse(text).slip;
      const slip = core.slip.make({ ...sale, till: key.public, life, n: 1, prev: "" });
      const signed = await core.slip.sign(slip, key);
      return { wire: new TextDecoder().decode(core.slip.wire(signed)), qr: await core.slip.qrText(signed),
               findings: await core.verify.verify(signed) };
    }""", text)
    pair = slip.signed(made["wire"].encode())
    assert made["findings"] == []
    assert not verify.verify(pair)
    assert qr.decode(made["qr"]) == pair


def test_eight_lines_fit_a_small_code(core):
    case = next(one for one in load("slip.json")["slips"] if one["text"].count('"item"') == 8)
    text = core.ask("async (core, text) => core.slip.qrText(JSON.parse(text))", case["text"])
    assert len(text) < 1_300
    assert len(qr.encode(slip.signed(case["text"].encode()))) < 1_300


# ---- the ground: canonical bytes, keys


def test_canonical_bytes_and_base64url(core):
    vectors = json.loads((VECTORS / "text.json").read_text(encoding="utf-8"))
    told = core.ask("""async (core, { canonical, base64url }) => [
      await Promise.all(canonical.map((one) => core.refusal(() => {
        const bytes = Uint8Array.from(one.hex.match(/../g) ?? [], (pair) => parseInt(pair, 16));
        const again = core.canonical.encode(core.canonical.decode(bytes));
        if (again.join() !== bytes.join()) throw new Error(one.hex);
      }))),
      await Promise.all(base64url.map((one) => core.refusal(
        () => core.canonical.b64(core.canonical.unb64(one.text, one.length))))),
    ]""", vectors)
    for case, answer in zip(vectors["canonical"], told[0], strict=True):
        assert ("error" not in answer) is case["accept"], bytes.fromhex(case["hex"])[:80]
    for case, answer in zip(vectors["base64url"], told[1], strict=True):
        assert answer.get("value") == (case["text"] if case["accept"] else None), case


def test_keys_and_signatures(core):
    vectors = json.loads((VECTORS / "signatures.json").read_text(encoding="utf-8"))
    signed = [{"key": one["key"], "signature": one["signature"],
               "message": list(b"evt-sig/1\0" + canonical.unb64(one["event"]))} for one in vectors["signatures"]]
    told = core.ask("""async (core, { keys, signed }) => [
      keys.map((key) => core.curve.isSound(key)),
      await Promise.all(signed.map(({ key, message, signature }) => core.signature.verify(
        key, Uint8Array.from(message), core.canonical.unb64(signature)))),
    ]""", {"keys": [one["key"] for one in vectors["keys"]], "signed": signed})
    assert told[0] == [one["sound"] for one in vectors["keys"]]
    assert dict(zip((one["name"] for one in vectors["signatures"]), told[1], strict=True)) == {
        one["name"]: one["accept"] for one in vectors["signatures"]}


def test_the_private_key_stays_in_the_browser_and_outlives_it(tmp_path, core):
    signing = """async (core, message) => {
      const [key, other] = await Promise.all([core.signature.key(), core.signature.key()]);
      return { public: key.public, other: other.public,
               made: core.canonical.b64(await key.sign(new TextEncoder().encode(message))) };
    }"""
    taken = """async () => new Promise((done) => {
      const opening = indexedDB.open("weft-till-key");
      opening.onsuccess = () => {
        const asked = opening.result.transaction("keys").objectStore("keys").get("till");
        asked.onsuccess = async () => {
          const held = asked.result.private;
          const taking = crypto.subtle.exportKey("pkcs8", held).then(() => "out", (error) => error.name);
          done([held.extractable, await taking]);
        };
      };
    })"""
    with BrowserCore(tmp_path / "profile") as first:
        told, port = first.ask(signing, "one"), first.port
        assert told["public"] == told["other"]
        assert keys.verify(told["public"], b"one", canonical.unb64(told["made"], 64))
        assert first.ask(taken) == [False, "InvalidAccessError"]
    with BrowserCore(tmp_path / "profile", port=port) as again:
        assert again.ask(signing, "two")["public"] == told["public"]
        again.ask("async (core) => core.signature.forget()")
        assert again.ask("async (core) => core.signature.stored()") is None
    assert core.ask(signing, "one")["public"] != told["public"]


def test_a_browser_that_cannot_be_a_till_is_told_why(core):
    with BrowserCore(host=INSECURE_HOST) as plain:
        assert plain.ask("async () => isSecureContext") is False
        told = plain.ask("async (core) => core.refusal(() => core.signature.key())")
        assert told["error"] == "till.browser-insecure"
    told = core.ask("""async (core) => {
      crypto.subtle.generateKey = () => Promise.reject(new DOMException("", "NotSupportedError"));
      try { return await core.refusal(() => core.signature.key()); } finally { delete crypto.subtle.generateKey; }
    }""")
    assert told["error"] == "till.browser-old"


# ---- QR codes


def test_qr_codes_are_drawn_as_another_encoder_draws_them(core, monkeypatch):
    """segno adds an empty codeword before the padding where none is due; apart from that, module by module."""
    monkeypatch.setattr(segno.encoder, "write_padding_bits",
                        lambda buffer, _version, length: buffer.extend([0] * (-length % 8)))
    letters = b64(canonical.digest("letters", b"")) * 60
    texts = [letters[:count] for count in (1, 14, 15, 26, 62, 100, 154, 180, 213, 300, 500, 845, 1_299, 1_800, 2_331)]
    wanted = [segno.make(text, error="m", mode="byte", micro=False, boost_error=False) for text in texts]
    told = core.ask("""async (core, cases) => cases.map(([text, mask]) => {
      const drawn = core.qr.encode(text, mask);
      return { version: drawn.version, rows: drawn.modules.map((row) => row.join("")) };
    })""", [[text, code.mask] for text, code in zip(texts, wanted, strict=True)])
    for code, drawn in zip(wanted, told, strict=True):
        assert drawn["version"] == code.version
        assert drawn["rows"] == ["".join(map(str, row)) for row in code.matrix]


def test_a_text_that_fits_no_code_is_refused(core):
    assert core.ask("""async (core) => {
      try { core.qr.encode("x".repeat(2332)); } catch (error) { return error.name; }
      return core.qr.svg("x");
    }""") == "RangeError"
