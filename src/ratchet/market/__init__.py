"""Which symbols are in play and what their candles are. Knows nothing of orders."""
