"""What a fit returns: the Run, its history and its file, why it stopped, and warnings of divergence."""
