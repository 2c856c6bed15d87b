//! Indexing
mod index;
mod name;
mod roots;
mod scan;
mod tags;
