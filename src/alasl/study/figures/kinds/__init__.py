"""The kinds of figure, one file each; what lies here is found by itself."""
