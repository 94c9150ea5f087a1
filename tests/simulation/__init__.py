"""The trader in simulated time: real trading code, the exchange's core, and everything that can go wrong."""
