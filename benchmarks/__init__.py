"""Measurements of hostcue, beside its peers: `python -m benchmarks NAME [options] [--json]`."""
