"""A person's own data under annotation: the store of answers, its rounds, what comes in and out."""
