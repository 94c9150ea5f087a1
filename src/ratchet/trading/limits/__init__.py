"""What the risk guard knows, remembers and acts upon."""
