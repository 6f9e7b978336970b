"""Where bytes rest: engines of the store port, one file each, one test suite for all."""
