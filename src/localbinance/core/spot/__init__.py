"""The spot exchange, pure: balances, orders and lists of orders. Ticks, depth and filling are those of any market."""
