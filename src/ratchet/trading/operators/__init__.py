"""What an operator does to trading."""
