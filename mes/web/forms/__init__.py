"""Forms: from what governs a page to its fields, and from the fields to what an action takes."""
