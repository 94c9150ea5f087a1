"""The engine: from a closed candle to a closed, fully accounted trade. All parts are built in `wiring`."""
