"""Ground that every ring stands on: errors, canonical bytes, money, quantity, instants, deciders."""
