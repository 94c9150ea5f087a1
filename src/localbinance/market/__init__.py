"""What the exchange trades: synthetic or recorded prices, told as ticks in order of time."""
