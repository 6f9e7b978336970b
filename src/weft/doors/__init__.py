"""Doors: how programs and people reach this node, one folder for each protocol."""
