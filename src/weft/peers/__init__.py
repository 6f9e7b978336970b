"""How we reach other nodes."""
