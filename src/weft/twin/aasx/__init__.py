"""AASX packages: read as real tools write them, written as strict readers want them.

API (pure; files come in open): ``reading.Package`` (documents, files, findings), ``writing.package`` (pieces of a zip),
``findings.Finding``. Not here: what is stored of it (``engine/twins/exchange.py``).
"""
