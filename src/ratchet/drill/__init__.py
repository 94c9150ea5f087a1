"""The drill: the trading machine in a simulated world, in which everything that can fail does, and is judged for it."""
