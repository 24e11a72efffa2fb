//! Optimizers: PyTorch's numbers, what they build and keep, their schedules and clipping.

mod building;
mod clipping;
mod pytorch;
mod rates;
mod schedules;
mod state;
