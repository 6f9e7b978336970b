"""AAS environments as XML: read element by element, however large, and written likewise.

API (pure): ``reading.Reader`` (push bytes, take documents), ``writing.written`` (documents in, bytes out),
``shape`` (the fields of every class). Not here: packages (``twin/aasx``), JSON (``twin/metamodel``).
"""
