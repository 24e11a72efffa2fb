//! Special functions, and the distributions that are made of them.

mod distributions;
