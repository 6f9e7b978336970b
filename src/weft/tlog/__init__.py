"""Transparency logs as C2SP writes them: notes, checkpoints, cosignatures, tiles, proofs, witnesses, policies."""
