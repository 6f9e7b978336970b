"""Searching for better plans: solvers, each in a process of its own."""
