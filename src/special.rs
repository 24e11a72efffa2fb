//! Special functions with all their gradients.
