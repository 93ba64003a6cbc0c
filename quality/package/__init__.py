"""What an evidence package states (handbook 12.5): eleven artifacts as tables, and four checks of their integrity."""
