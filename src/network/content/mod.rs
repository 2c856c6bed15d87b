//! Content: files hashed, proven, served and fetched.

pub mod hash;
