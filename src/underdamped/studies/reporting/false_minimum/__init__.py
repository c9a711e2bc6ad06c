"""The sections of the escape study: paths, the maps of the scheme, the maps under subsampling."""
