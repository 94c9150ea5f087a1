"""The spot companion: one SELL for what a person buys by hand. Beside trading, on another market."""
