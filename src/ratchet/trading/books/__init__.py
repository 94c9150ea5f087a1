"""What is written down, and held against the exchange's own books."""
