"""What the models go by, how they transfer between temperatures, what a pair tells of its glass."""
