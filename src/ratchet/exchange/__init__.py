"""Binance through ccxt and its streams: requests out, reports and events in. Decides nothing about trades."""
