"""The false minimiser of equation (5): who passes it, by the flow, the scheme, and under subsampling."""
