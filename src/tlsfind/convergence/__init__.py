"""How E_qs and the TLS count depend on the convergence of paths."""
