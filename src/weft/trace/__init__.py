"""What happened to goods, as EPCIS 2.0 events derived from jobs, despatches, receipts and scrap."""
