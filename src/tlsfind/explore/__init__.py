"""Explore a glass: molecular dynamics with frequent quenches to inherent structures."""
