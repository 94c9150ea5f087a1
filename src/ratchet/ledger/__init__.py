"""The memory: orders, fills, trades, signals and equity in a database. Intents are durable before anything is sent."""
