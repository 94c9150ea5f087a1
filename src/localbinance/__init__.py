"""localbinance: a wire-compatible Binance USD-M futures exchange on loopback. Knows nothing of any trader."""
