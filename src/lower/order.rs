//! [`Order`]: which assignments nodes are ordered after, and what these leave in the variables.

use std::collections::BTreeMap;

use foldhash::HashMap;

use super::specialise::{Specialiser, TOP};
use super::versions::Versions;
use crate::error::{Error, Result};
use crate::graph::{Arena, Node, NodeMap, Role};
use crate::ir::{NodeId, Prim, TensorId, Val, VariableId};

/// The order of the assignments among nodes that are run in one frame, and what each leaves: a value of a program, or what
/// else is made of a graph.
#[derive(Debug)]
pub(crate) struct Order<T = Val> {
    variables: usize,
    /// The assignments that each node is ordered after.
    before: NodeMap<Versions>,
    /// Those that what comes behind a visited assignment is ordered after.
    after: HashMap<NodeId, Versions>,
    /// The control dependencies of the last node that was visited, and the assignments that come with them.
    ordered: (Vec<NodeId>, Versions),
    /// What each assignment leaves in its variable.
    written: HashMap<(NodeId, VariableId), T>,
    last_writer: BTreeMap<VariableId, NodeId>,
}

impl<T: Copy> Order<T> {
    /// No assignments yet, to any of so many variables.
    pub(crate) fn of(variables: usize) -> Self {
        Order {
            variables,
            before: NodeMap::new(Versions::of(variables)),
            after: HashMap::default(),
            ordered: (Vec::new(), Versions::of(variables)),
            written: HashMap::default(),
            last_writer: BTreeMap::new(),
        }
    }

    /// The assignments that a visited node is ordered after.
    pub(crate) fn before(&self, id: NodeId) -> &Versions {
        self.before.get(id)
    }

    pub(crate) fn note_before(&mut self, id: NodeId, versions: Versions) {
        self.before.set(id, versions);
    }

    /// The assignments that a node is ordered after: those that its predecessors are, and those
    /// that its predecessors make.
    pub(crate) fn versions_before(&mut self, node: &Node) -> Versions {
        if self.after.is_empty() {
            return Versions::of(self.variables);
        }
        // The nodes of a block under control dependencies have the same ones, which are joined once for all.
        if *node.control != *self.ordered.0 {
            let none = Versions::of(self.variables);
            self.ordered = (node.control.to_vec(), self.joined(node.control.iter().copied(), none));
        }
        self.joined(node.inputs.iter().map(|input| input.node), self.ordered.1.clone())
    }

    /// The versions joined with those that come behind the nodes.
    fn joined(&self, nodes: impl IntoIterator<Item = NodeId>, mut versions: Versions) -> Versions {
        for id in nodes {
            versions.join(self.after.get(&id).unwrap_or(self.before.get(id)));
        }
        versions
    }

    /// Notes what a node assigns, which is ordered after those before it.
    pub(crate) fn assign(
        &mut self,
        arena: &Arena,
        writer: NodeId,
        assigned: Vec<(VariableId, T)>,
        before: &Versions,
    ) -> Result<()> {
        let mut after = before.clone();
        for (variable, val) in assigned {
            if let Some(&other) = self.last_writer.get(&variable)
                && before.get(variable) != Some(other)
            {
                let (first, second) = (arena.node(other), arena.node(writer));
                return Err(Error::UnorderedAssigns {
                    variable: arena.variables[variable.index()].name.clone(),
                    first: Box::new(first.site()),
                    second: Box::new(second.site()),
                });
            }
            self.last_writer.insert(variable, writer);
            self.written.insert((writer, variable), val);
            after.include(variable, writer);
        }
        self.after.insert(writer, after);
        Ok(())
    }

    /// What an assignment leaves in a variable.
    pub(crate) fn written(&self, writer: NodeId, variable: VariableId) -> Option<T> {
        self.written.get(&(writer, variable)).copied()
    }

    /// What the variables are left with that are assigned.
    pub(crate) fn left(&self) -> Vec<(VariableId, T)> {
        let last = self.last_writer.iter();
        last.map(|(&variable, &writer)| (variable, self.written[&(writer, variable)])).collect()
    }
}

impl Specialiser<'_> {
    /// The value that a reader with these versions sees in an input.
    pub(super) fn seen(&self, frame: usize, input: TensorId, versions: &Versions) -> Val {
        let val = self.frames[frame].run.get(input);
        if !versions.is_empty()
            && let Role::Reads(variable) = self.arena.node(input.node).role
            && let Some(writer) = versions.get(variable)
            // A branch is fed what it captures; a variable that the run is fed is that whatever is assigned.
            && (frame != TOP || !matches!(self.program.inst(val).prim, Prim::Feed(_)))
            && let Some(written) = self.order.written(writer, variable)
        {
            return written;
        }
        val
    }
}
