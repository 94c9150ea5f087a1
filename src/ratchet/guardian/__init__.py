"""The guardian: protects or flattens whatever is held, in a process of its own. Knows the exchange and the rules of
protection; must not know the trader, its strategies or its ledger."""
