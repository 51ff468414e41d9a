"""The mathematics, each line written once; every backend runs it from here."""
