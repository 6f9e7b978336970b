"""Where written twins rest: a SQLite file of their own, so that orders never wait for an import of megabytes.

    store      ``SqliteTwins``: implements ``engine.twins.ports.TwinStore``
    indexing   what a twin is found by, derived from its body
    revisions  former revisions in few bytes
    filing     files in pieces, found by their digest
Not here: SQL (``sql/twins``), the care for the disk (``stores/writer.py``).
"""
