//! Optimizers: PyTorch's numbers, what they build and keep, their schedules and clipping.

#[path = "optimizers/building.rs"]
mod building;
#[path = "optimizers/clipping.rs"]
mod clipping;
#[path = "optimizers/pytorch.rs"]
mod pytorch;
#[path = "optimizers/schedules.rs"]
mod schedules;
#[path = "optimizers/state.rs"]
mod state;
