//! The tensors that a trainer feeds: those of the inputs, then those of the targets.

use std::marker::PhantomData;

use crate::data::RowType;
use crate::session::FeedList;
use crate::{AnyTensor, Feeds};

/// The tensors that rows of `A` and `B` are fed for, in order.
#[derive(Debug)]
pub(super) struct Fed<'g, A, B> {
    pub(super) inputs: Vec<AnyTensor<'g>>,
    pub(super) targets: Vec<AnyTensor<'g>>,
    types: PhantomData<fn(A, B)>,
}

impl<'g, A: RowType, B: RowType> Fed<'g, A, B> {
    pub(super) fn new(inputs: impl Feeds<'g, Types = A>, targets: impl Feeds<'g, Types = B>) -> Self {
        Fed { inputs: listed(&inputs), targets: listed(&targets), types: PhantomData }
    }
}

impl<'g, A: RowType, B: RowType> Feeds<'g> for &Fed<'g, A, B> {
    type Types = (A, B);

    fn list_feeds(&self, list: &mut FeedList<'g>) {
        list.tensors.extend(self.inputs.iter().chain(&self.targets).copied());
    }
}

fn listed<'g>(feeds: &impl Feeds<'g>) -> Vec<AnyTensor<'g>> {
    let mut list = FeedList::default();
    feeds.list_feeds(&mut list);
    list.tensors.into_vec()
}
