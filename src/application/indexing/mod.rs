//! Indexing
mod name;
mod scan;
mod tags;
