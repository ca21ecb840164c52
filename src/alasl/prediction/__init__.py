"""A trained model in use: found, applied to images, its predictions written, taken elsewhere."""
