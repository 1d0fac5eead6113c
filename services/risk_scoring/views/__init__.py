"""What risk scoring shows, in both languages."""
