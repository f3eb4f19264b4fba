//! The episode loop fed from a transcript; names the first difference.
