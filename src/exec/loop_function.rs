//! A loop that is one function.
//!
//! The function does many iterations in a call, with the state in registers, and leaves it in the first of its two places.
//! Between calls the deadline is looked at, and tapes that grow get room for more rows.

use std::ptr;

use smallvec::SmallVec;

use super::Cause;
use super::context::Context;
use super::control::LoopRun;
use super::straight::Places;
use crate::codegen;
use crate::plan::{Anchor, LoopFunction, MOST_STREAMS, Word};

/// What a call is given.
pub(super) struct Words {
    words: SmallVec<[u64; codegen::FIRST_STREAM + MOST_STREAMS]>,
    /// The words that are the next row of a tape that grows: which tape, and bytes behind the row's start.
    grown: SmallVec<[(usize, usize, usize); 4]>,
}

impl Words {
    /// Those of the first call; `None` if something lies elsewhere in each iteration.
    pub(super) fn of(run: &LoopRun<'_>, function: &LoopFunction) -> Option<Words> {
        let mut words =
            Words { words: SmallVec::from_slice(&[0; codegen::FIRST_STREAM]), grown: SmallVec::new() };
        for &word in &function.streams {
            let place = match word {
                Word::Number(number) => number as u64,
                Word::Address { of, offset } => {
                    // Of what is left, the other place comes first.
                    let state = usize::from(matches!(of, Anchor::Left(_)));
                    let start = match run.places(of)? {
                        Places::Same(place) => place,
                        Places::Alternating(places) => places[state],
                        Places::Rows { first, .. } => first,
                        Places::Asked => {
                            let Anchor::Left(position) = of else { return None };
                            words.grown.push((words.words.len(), run.growing_tape(position)?, offset));
                            ptr::null_mut()
                        }
                    };
                    start.wrapping_add(offset).expose_provenance() as u64
                }
            };
            words.words.push(place);
        }
        Some(words)
    }
}

/// Runs a loop's function until the loop is done.
///
/// # Safety
/// As for [`run_loop`](super::control::run_loop); the function must do what the plan's steps do, and the words be its own.
pub(super) unsafe fn run(
    run: &mut LoopRun<'_>,
    function: &LoopFunction,
    Words { mut words, grown }: Words,
    context: &Context<'_>,
) -> Result<(), Box<Cause>> {
    // SAFETY: the caller's promise.
    unsafe { run.place_state() };
    while run.goes_on() {
        context.check_deadline()?;
        let mut asked = function.most_at_once.min(run.most - run.trips);
        for &(word, tape, offset) in &grown {
            let (row, room) = run.growing_tapes()[tape].room()?;
            words[word] = row.wrapping_add(offset).expose_provenance() as u64;
            asked = asked.min(room);
        }
        words[0] = asked as u64;
        // SAFETY: the words are where the plan's steps read and write, in this iteration and by their roles in those behind;
        // arrays have as many rows, and tapes have room for them.
        unsafe { function.function.call(&mut words) };
        let done = asked - words[0] as usize;
        for tape in run.growing_tapes() {
            tape.add(done);
        }
        // SAFETY: the iterations are done.
        unsafe { run.advance(done) };
    }
    // SAFETY: the caller's promise; the state lies in the first place.
    unsafe { run.settle_state() };
    Ok(())
}
