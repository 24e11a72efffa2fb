//! [`Frames`]: which nodes belong to which loop and to which branch, where these are written as `Switch`, `Merge`,
//! `Enter`, `Exit` and `NextIteration`.
//!
//! Takes nodes. Gives for each node the innermost loop or branch that it is in. A loop is named by its `Enter` nodes; a
//! branch is one side of all `Switch` nodes with one condition, and ends at a `Merge` of both sides.
//!
//! Invariant: what a node is in is found from what it needs, in an order in which that comes first; only the way from a
//! `NextIteration` to its `Merge` is left out of that order.

use std::collections::HashMap;

use super::nodes::{Node, Nodes, Port};
use crate::io::import::order::sorted;
use crate::io::tensorflow::Attr;

/// A loop or a branch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Inside {
    Loop(usize),
    /// The side of a condition.
    Branch(Port, bool),
}

/// The place of a loop or a branch among all; what is in none has none.
type Frame = Option<usize>;

/// The places of loops and branches, by what they are and what is around them.
type Kinds = HashMap<(Inside, Frame), usize>;

/// A part of the state of a loop.
#[derive(Debug)]
pub(super) struct State {
    pub(super) enter: usize,
    pub(super) merge: usize,
    /// Gives the part to the body; a loop that is only left has none.
    pub(super) switch: Option<usize>,
    /// What it is in the next iteration.
    pub(super) next: Port,
}

/// A loop.
#[derive(Debug, Default)]
pub(super) struct Loop {
    pub(super) enters: Vec<usize>,
    pub(super) states: Vec<State>,
    /// What decides whether there is another iteration.
    pub(super) condition: Option<Port>,
}

/// A conditional's result, as a `Merge` of both sides gives it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Joined {
    pub(super) condition: Port,
    /// What it is if the condition does not hold, and if it does.
    pub(super) sides: [Port; 2],
    /// How many results of the same condition it is made of, one from the other.
    level: usize,
    around: Frame,
}

/// What is known of loops and branches among nodes.
#[derive(Debug, Default)]
pub(super) struct Frames {
    pub(super) loops: Vec<Loop>,
    /// What each is, and what is around it.
    kinds: Vec<(Inside, Frame)>,
    of_node: Vec<Frame>,
    pub(super) joined: HashMap<usize, Joined>,
    /// The loop and the part of its state that a node gives behind the loop.
    pub(super) exits: HashMap<usize, (usize, usize)>,
    /// Nodes that are built with the loop or conditional that they belong to.
    pub(super) structural: HashMap<usize, Inside>,
    /// What decides which side of each `Switch` of a conditional is taken, and all that one condition decides.
    conditions: HashMap<usize, Port>,
    switches: HashMap<Port, Vec<usize>>,
    results: HashMap<(Port, usize, Frame), Vec<usize>>,
    /// Whether a result of a conditional lies on a way to a node.
    is_behind: Vec<bool>,
}

/// The ops, of which those on references are like the others.
pub(super) fn op(node: &Node) -> &str {
    node.op.strip_prefix("Ref").unwrap_or(&node.op)
}

/// The most identities that something is followed through: conditionals and loops have a few.
const MAX_IDENTITIES: usize = 64;

/// What is behind identities, through which conditionals and loops pass what they are given.
pub(super) fn source(nodes: &Nodes, mut port: Port) -> Port {
    for _ in 0..MAX_IDENTITIES {
        match nodes
            .all
            .get(port.node)
            .filter(|node| node.op == "Identity")
            .and_then(|node| node.inputs.first())
        {
            Some(&input) => port = input,
            None => break,
        }
    }
    port
}

impl Frames {
    pub(super) fn of(nodes: &Nodes) -> Self {
        let mut frames = Frames::default();
        if nodes.all.iter().all(|node| !matches!(op(node), "Switch" | "Merge" | "Enter")) {
            return frames;
        }
        frames.find_loops(nodes);
        for (place, node) in nodes.all.iter().enumerate().filter(|(_, node)| op(node) == "Switch") {
            if let (Some(&condition), false) = (node.inputs.get(1), frames.structural.contains_key(&place)) {
                let condition = source(nodes, condition);
                frames.conditions.insert(place, condition);
                frames.switches.entry(condition).or_default().push(place);
            }
        }
        let needs = |place: usize| {
            let node = &nodes.all[place];
            let is_back = |input: usize| {
                op(node) == "Merge" && nodes.all.get(input).is_some_and(|node| op(node) == "NextIteration")
            };
            let inputs = node.inputs.iter().map(|port| port.node).filter(|&input| !is_back(input));
            inputs.chain(node.control.iter().copied()).collect()
        };
        // A cycle is told where the nodes are built.
        let Ok(order) = sorted(nodes.all.len(), None, needs) else { return frames };
        frames.of_node = vec![None; nodes.all.len()];
        frames.is_behind = vec![false; nodes.all.len()];
        let mut by_kind = HashMap::new();
        for place in order {
            frames.place(nodes, place, &mut by_kind);
            let node = &nodes.all[place];
            let is_behind = node.inputs.iter().any(|port| frames.is_behind[port.node])
                || node.control.iter().any(|&control| frames.is_behind[control]);
            frames.is_behind[place] = is_behind || frames.joined.contains_key(&place);
        }
        for (&place, joined) in &frames.joined {
            let key = (joined.condition, joined.level, joined.around);
            frames.results.entry(key).or_default().push(place);
        }
        frames.results.values_mut().for_each(|results| results.sort_unstable());
        frames
    }

    fn find_loops(&mut self, nodes: &Nodes) {
        let mut by_name: HashMap<&[u8], usize> = HashMap::new();
        for (place, node) in nodes.all.iter().enumerate().filter(|(_, node)| op(node) == "Enter") {
            let name = match node.attr("frame_name") {
                Some(Attr::Bytes(name)) => name.as_slice(),
                _ => &[],
            };
            let number = *by_name.entry(name).or_insert_with(|| {
                self.loops.push(Loop::default());
                self.loops.len() - 1
            });
            self.loops[number].enters.push(place);
        }
        let entered: HashMap<usize, usize> = self
            .loops
            .iter()
            .enumerate()
            .flat_map(|(number, of)| of.enters.iter().map(move |&enter| (enter, number)))
            .collect();
        let mut state_of: HashMap<usize, (usize, usize)> = HashMap::new();
        for (place, node) in nodes.all.iter().enumerate().filter(|(_, node)| op(node) == "Merge") {
            let [first, second] = node.inputs[..] else { continue };
            let is_next = |port: Port| op(&nodes.all[port.node]) == "NextIteration";
            let (enter, next) = if is_next(second) { (first, second) } else { (second, first) };
            let next = nodes.all[next.node].inputs.first().filter(|_| is_next(next));
            if let (Some(&number), Some(&next)) = (entered.get(&enter.node), next) {
                let states = &mut self.loops[number].states;
                state_of.insert(place, (number, states.len()));
                states.push(State { enter: enter.node, merge: place, switch: None, next });
                self.structural.insert(place, Inside::Loop(number));
            }
        }
        for (place, node) in nodes.all.iter().enumerate().filter(|(_, node)| op(node) == "Switch") {
            let [data, condition] = node.inputs[..] else { continue };
            let decides = &nodes.all[condition.node];
            if let (Some(&(number, state)), "LoopCond") = (state_of.get(&data.node), op(decides)) {
                self.loops[number].states[state].switch = Some(place);
                self.loops[number].condition = decides.inputs.first().copied();
                self.structural.insert(place, Inside::Loop(number));
                self.structural.insert(condition.node, Inside::Loop(number));
                state_of.insert(place, (number, state));
            }
        }
        for (place, node) in nodes.all.iter().enumerate() {
            match (op(node), node.inputs.first()) {
                ("Exit", Some(switch)) => {
                    if let Some(&state) = state_of.get(&switch.node) {
                        self.exits.insert(place, state);
                    }
                }
                ("NextIteration", _) => {
                    // Of which loop does not matter.
                    self.structural.insert(place, Inside::Loop(0));
                }
                _ => {}
            }
        }
    }

    /// Finds what a node is in, and what a `Merge` joins.
    fn place(&mut self, nodes: &Nodes, place: usize, by_kind: &mut Kinds) {
        let node = &nodes.all[place];
        // How many results of each condition it is made of.
        let given: Vec<usize> =
            node.inputs.iter().map(|port| port.node).chain(node.control.iter().copied()).collect();
        if let ("Merge", Some(&loop_)) = (op(node), self.structural.get(&place)) {
            let enter = node.inputs.iter().find(|port| op(&nodes.all[port.node]) == "Enter");
            let around = enter.and_then(|enter| self.of_node[enter.node]);
            self.of_node[place] = Some(self.entered(loop_, around, by_kind));
            return;
        }
        if let Some(&(number, state)) = self.exits.get(&place) {
            let frame = self.of_node[self.loops[number].states[state].merge];
            self.of_node[place] = frame.and_then(|frame| self.kinds[frame].1);
            return;
        }
        let mut of_inputs = Vec::new();
        for port in &node.inputs {
            let around = self.of_node[port.node];
            of_inputs.push(match self.conditions.get(&port.node) {
                Some(&condition) => {
                    Some(self.entered(Inside::Branch(condition, port.output == 1), around, by_kind))
                }
                None => around,
            });
        }
        if let ("Merge", [first, second], [of_first, of_second]) =
            (op(node), &node.inputs[..], &of_inputs[..])
            && let Some((condition, is_first, around)) = self.meeting(*of_first, *of_second)
        {
            let sides = if is_first { [*second, *first] } else { [*first, *second] };
            let level = given.iter().map(|&input| self.level(nodes, input, condition)).max().unwrap_or(0);
            self.joined.insert(place, Joined { condition, sides, level, around });
            self.of_node[place] = around;
            return;
        }
        let controls: Vec<Frame> = node.control.iter().map(|&control| self.of_node[control]).collect();
        let all = of_inputs.into_iter().chain(controls);
        self.of_node[place] = all.fold(None, |deepest, frame| self.deeper(deepest, frame));
    }

    /// The place of a loop or a branch with this around it.
    fn entered(&mut self, inside: Inside, around: Frame, by_kind: &mut Kinds) -> usize {
        *by_kind.entry((inside, around)).or_insert_with(|| {
            self.kinds.push((inside, around));
            self.kinds.len() - 1
        })
    }

    /// How many results of a condition lie on a way to a node.
    fn level(&self, nodes: &Nodes, place: usize, condition: Port) -> usize {
        let mut seen = std::collections::HashSet::new();
        let mut most = 0;
        let mut open = vec![place];
        while let Some(place) = open.pop() {
            if !self.is_behind.get(place).is_some_and(|&is| is) || !seen.insert(place) {
                continue;
            }
            if let Some(joined) = self.joined.get(&place).filter(|joined| joined.condition == condition) {
                most = most.max(joined.level + 1);
                continue;
            }
            let Some(node) = nodes.all.get(place) else { continue };
            open.extend(node.inputs.iter().map(|port| port.node));
            open.extend(&node.control);
        }
        most
    }

    /// The loops and branches around something, from the innermost.
    fn chain(&self, frame: Frame) -> impl Iterator<Item = usize> {
        std::iter::successors(frame, |&frame| self.kinds.get(frame)?.1)
    }

    fn deeper(&self, a: Frame, b: Frame) -> Frame {
        if self.chain(b).count() > self.chain(a).count() { b } else { a }
    }

    /// The innermost condition of which one is on one side and the other on the other: whether the first is where it
    /// holds, and what is around.
    fn meeting(&self, first: Frame, second: Frame) -> Option<(Port, bool, Frame)> {
        self.chain(first).find_map(|frame| {
            let &(inside, around) = self.kinds.get(frame)?;
            let Inside::Branch(condition, side) = inside else { return None };
            let is_other = |frame: usize| {
                self.kinds.get(frame).is_some_and(|(other, _)| *other == Inside::Branch(condition, !side))
            };
            self.chain(second).any(is_other).then_some((condition, side, around))
        })
    }

    /// Whether a node is built with a loop or a branch, and not where all is.
    pub(super) fn is_inside(&self, place: usize) -> bool {
        self.structural.contains_key(&place) || self.of_node.get(place).is_some_and(Option::is_some)
    }

    /// Whether a node is in a side of a condition.
    pub(super) fn is_in_branch(&self, place: usize, condition: Port) -> bool {
        let frame = self.of_node.get(place).copied().flatten();
        self.chain(frame).any(
            |frame| matches!(self.kinds.get(frame), Some((Inside::Branch(of, _), _)) if *of == condition),
        )
    }

    /// All results that one conditional gives: with the same condition, around which is the same.
    pub(super) fn results(&self, of: &Joined) -> &[usize] {
        self.results.get(&(of.condition, of.level, of.around)).map_or(&[], Vec::as_slice)
    }

    /// The nodes that give something to the sides of a condition.
    pub(super) fn switches(&self, condition: Port) -> &[usize] {
        self.switches.get(&condition).map_or(&[], Vec::as_slice)
    }

    /// What decides which side of a node is taken, if it gives something to the sides of a condition.
    pub(super) fn condition(&self, place: usize) -> Option<Port> {
        self.conditions.get(&place).copied()
    }
}
