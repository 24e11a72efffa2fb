//! Where building stands on this thread: the scope of names, the control dependencies, and the
//! line to which nodes are attributed.
//!
//! Kept in a thread-local stack, so that threads that build one graph do not enter each other's
//! scopes, and a panic inside a scope leaves it.

use std::cell::{Cell, RefCell};
use std::mem::{self, ManuallyDrop};
use std::panic::Location;
use std::rc::Rc;

use super::{BodyId, Graph, NodeId};

/// One enclosing block of building.
pub(super) enum Frame {
    /// Names inside are prefixed with this.
    Scope(Rc<str>),
    /// Nodes inside run after these, each with the id of its graph.
    Control(Vec<(u64, NodeId)>),
    /// Nodes inside are attributed to this line.
    Location(&'static Location<'static>),
    /// Nodes inside belong to this function's body, or to none.
    Body(Option<BodyId>),
    /// Random nodes inside draw by this seed; with how many there have been so far.
    Seed(u64, Cell<u64>),
}

/// The blocks that a thread builds inside of, each with the id of its graph.
type Frames = RefCell<Vec<(u64, Frame)>>;

thread_local! {
    /// Not dropped with the thread, so that other thread-locals can build as they are; outside of all blocks it has no
    /// memory that could be lost.
    static FRAMES: ManuallyDrop<Frames> = const { ManuallyDrop::new(RefCell::new(Vec::new())) };
}

fn with_frames<R>(run: impl FnOnce(&mut Vec<(u64, Frame)>) -> R) -> R {
    FRAMES.with(|frames| run(&mut frames.borrow_mut()))
}

/// The frames of one graph on this thread, taken together.
#[derive(Default)]
pub(super) struct Context {
    scope: Option<Rc<str>>,
    pub(super) control: Vec<(u64, NodeId)>,
    pub(super) location: Option<&'static Location<'static>>,
    pub(super) body: Option<BodyId>,
}

impl Context {
    pub(super) fn of(graph: &Graph) -> Self {
        let mut context = Context::default();
        with_frames(|frames| {
            for (_, frame) in frames.iter().filter(|(id, _)| *id == graph.shared.id) {
                match frame {
                    // The name of an inner scope already holds that of the outer one.
                    Frame::Scope(name) => context.scope = Some(Rc::clone(name)),
                    Frame::Control(nodes) => context.control.extend(nodes),
                    Frame::Location(location) => context.location = Some(location),
                    Frame::Body(body) => {
                        // What a body is built behind is what its calls are built behind.
                        context.body = *body;
                        context.control.clear();
                    }
                    Frame::Seed(..) => {}
                }
            }
        });
        context
    }

    /// The seed of the innermost block that gives one, and how many random nodes of it came before.
    pub(super) fn next_seed(graph: &Graph) -> Option<[u64; 2]> {
        with_frames(|frames| {
            frames.iter().rev().filter(|(id, _)| *id == graph.shared.id).find_map(|(_, frame)| match frame {
                Frame::Seed(seed, nodes) => Some([*seed, nodes.replace(nodes.get() + 1)]),
                _ => None,
            })
        })
    }

    pub(super) fn entered<R>(graph: &Graph, frame: Frame, build: impl FnOnce() -> R) -> R {
        struct Leave;
        impl Drop for Leave {
            fn drop(&mut self) {
                let left = with_frames(|frames| {
                    let left = frames.pop();
                    if frames.is_empty() {
                        mem::take(frames);
                    }
                    left
                });
                drop(left);
            }
        }
        with_frames(|frames| frames.push((graph.shared.id, frame)));
        let _leave = Leave;
        build()
    }

    /// A name as it is inside the current scope.
    pub(super) fn scoped(&self, name: &str) -> String {
        match &self.scope {
            Some(scope) => [scope, "/", name].concat(),
            None => name.to_owned(),
        }
    }
}
