"""SQL in files, read by name; one folder for each dialect."""
