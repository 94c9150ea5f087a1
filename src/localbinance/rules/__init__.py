"""The rules of the market: symbols, filters, leverage brackets, fees and error codes. Facts, with their source."""
