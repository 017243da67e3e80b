import os

# Threads of numpy's linear algebra, of which there is none here, would only spin.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
