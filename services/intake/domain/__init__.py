"""The rules of intake, pure: what a report says of each child, where that is, and which case it belongs to."""
