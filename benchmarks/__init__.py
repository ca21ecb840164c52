"""Speed: each module prints seconds and ratios measured in one run; `make bench` runs them all."""
