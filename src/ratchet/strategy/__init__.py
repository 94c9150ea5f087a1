"""Strategies: closed candles in, signals with a breakdown out. Can neither reach the exchange nor loosen a limit."""
