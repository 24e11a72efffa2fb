//! Optimizers: PyTorch's numbers, what they build and keep, their schedules and clipping.

mod accumulation;
mod building;
mod clipping;
mod ema;
mod pytorch;
mod rates;
mod schedules;
mod state;
