"""Pure values and rules of trading. Knows nothing of the network, the database, files, clocks or settings."""
