"""The models that ship: one file each, found by its name (`alasl.models.registry`)."""
