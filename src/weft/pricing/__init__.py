"""Price books: a committed public rule that gives the same price for the same public attributes.

API:
  book      load(bytes | mapping) -> PriceBook, encode(book) -> bytes, hash(book) -> str
  evaluate  price(book, Attributes) -> Priced, follows(book, priced) -> bool
  lint      lint(value, previous=…, at=…, published=…) -> tuple[Finding, …]
  publish   the `pricing/1` book: Publish, Withdraw; current(state, at), selling(state, item, unit, at)
  table     read(grid, currency) -> (lines, problems), head_of(grid), book_of(grid, head) -> (book | None, problems)
  leaf      BookLeaf, BatchLeaf, ExceptionsLeaf; encode, parse, book_leaf, origin_of, organisation_of
  commitment  commit(salt, document), batch(commitments, draw), opening(batch, salt, document), verify(opening, root)
  rates     the model `machined-part/1` of a rate card: work_out(card, inputs) -> Worked
  attest    billed machine minutes against what ran: band(billed, recorded)
  audit     Plan, drawn(seed, batches), faults(plan, seed, roots, shown), missed(share, openings)
Not here: the log that proves when a book was published (``tlog/``), off-book prices (``trade/``).
"""
