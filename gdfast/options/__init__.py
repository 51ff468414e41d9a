"""What users pass to a fit: optimizers, schedules, averages, custom losses, callbacks."""
