"""The rules of assistance, pure: what a case's ledger says, what a plan may hold, when a case may be closed."""
