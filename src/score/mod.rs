//! From episode results to success rates, points and weights.
