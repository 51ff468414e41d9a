"""How a fit is computed: the plan, which solver runs, the loop, the closed form and collocation, and monitoring."""
