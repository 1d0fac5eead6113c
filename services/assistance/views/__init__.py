"""What assistance shows, a module per topic. Every shape here is part of the API."""
