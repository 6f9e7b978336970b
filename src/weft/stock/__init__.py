"""What lies where and whose it is: items, lots, receipts, issues, counts, reservations.

API (all pure):
    messages  what is recorded; Pick, LotIn, Item
    state     State and its parts; the folded book
    book      the conversation stock/1
    levels    on_hand, available, pick, at_partners, material_balance, reorders, shortages, ...
    table     rows of a spreadsheet -> messages and problems
Not here: bills and plans (``production/``), prices (``pricing/``), passports of lots (``trace/``).
"""
