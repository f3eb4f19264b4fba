//! Rules that turn a described submission into a verdict with reasons.
