"""What the doors show of raw records: the same data for pages and for the API."""
