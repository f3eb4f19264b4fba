//! The chain behind one trait.
