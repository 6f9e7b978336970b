"""The till: chains of signed slips that need no network, and what may be read from them.

API:
  slip     Slip, Line, Close, Signed, Finding; parse(bytes) -> Slip, signed(bytes) -> Signed, sign(slip, signer)
  verify   verify(Signed), findings(Slip), follows(Slip, before), contradicts(one, other)
  totals   amount, taxed, read, total, by_rate: rounding half up for each line, net and gross
  returns  left(sale, earlier), lines(sale, earlier, wanted), check(return, sale, earlier)
  closing  close(slips, currency, first, cash) -> Close, opening(last), check(slip, slips, last)
  counting counted(State, SlipTaken), uncounted(State, Kept): what a slip that counts does to the book, and back
  qr       encode(Signed) -> str, decode(str) -> Signed
Not here: the price (``pricing/``), the browser's half (``doors/till/static/core``), what a node does with slips.
"""
