"""Text files: separated values as columns of numbers, of true and false, or of text."""
