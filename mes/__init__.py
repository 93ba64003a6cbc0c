"""The application: pages, doors, documents, processes."""

import gc

# Django, SciPy and pandas are a million objects that stay. Python's default walks through them so often that start-up,
# migrations and rendering took a third longer.
gc.set_threshold(50_000, 20, 20)
