"""Ratchet: a trader for Binance USDC perpetuals in which no position exists without a stop on the exchange."""
