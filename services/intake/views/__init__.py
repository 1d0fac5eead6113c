"""What intake shows: case files, timelines and receipts in codes (`cases`), and the vault's contents (`file`)."""
