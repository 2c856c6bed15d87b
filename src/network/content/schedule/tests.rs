//! Each rule, by example.
