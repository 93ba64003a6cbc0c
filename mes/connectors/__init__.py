"""Readers of instrument files. A file comes from outside: it is bounded, hashed and checked before it is parsed."""
