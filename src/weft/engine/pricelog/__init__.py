"""The firm's price record: what it binds itself to in public, and who has seen it."""
