"""Speed, measured and printed; never asserted. `make bench` runs it on throw-away servers."""
