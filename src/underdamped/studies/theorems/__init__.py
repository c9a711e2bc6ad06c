"""The theorems measured, one file each: a plain function from a problem, a configuration and a key to tidy rows."""
