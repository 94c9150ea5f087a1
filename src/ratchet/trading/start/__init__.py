"""What must be true before entries are made, and what a start takes up."""
