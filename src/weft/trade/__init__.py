"""What two firms say to each other: the relationship with its billing, and the order from RFQ to last receipt."""
