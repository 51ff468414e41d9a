"""How a fit is computed: the plan, which solver runs, the loop and the closed form, and monitoring."""
