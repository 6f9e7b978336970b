"""Sealed mail by way of a third node: keeping it for others, leaving it for partners, fetching our own.

Not here: what travels in a letter (``engine/bundles.py``), the direct way (``engine/outbox.py``).
"""
