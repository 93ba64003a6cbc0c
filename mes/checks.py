"""System checks that refuse an unsafe plant. Each message says what to set."""
