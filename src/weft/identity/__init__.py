"""Who signs: keys, the organisation's key log, and its public names (did:key, did:web)."""
