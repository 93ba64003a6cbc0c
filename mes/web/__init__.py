"""The pages: server-rendered templates, their static files and template tags."""
