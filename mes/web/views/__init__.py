"""Pages: each calls one query or one action and shows the answer."""
