"""From a closed candle to an approved bracket."""
