"""What dispatch shows: queues, responses, clocks. Every shape here is part of the API."""
