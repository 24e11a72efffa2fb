//! A trace as a drawing of its steps.

use petgraph::dot::{Config, Dot};
use petgraph::graph::{DiGraph, NodeIndex};

use super::{Trace, part};

impl Trace {
    /// The steps in Graphviz's DOT language, with edges from those that make values to those that read them. The
    /// redder a step, the more of the time in steps it took; the one that took most is fully red.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let x = g.variable::<f32>("x", ones([64, 64]));
    /// let product = x.matmul(x).named("product");
    /// let (_, trace) = Session::new(&g)?.run_traced(product.matmul(product).named("last"))?;
    /// let dot = trace.to_dot();
    /// assert!(dot.contains(r#"step 1: product \"last\""#) && dot.contains("0 -> 1"));
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    pub fn to_dot(&self) -> String {
        let longest = self.steps.iter().map(|step| step.time).max().unwrap_or_default();
        let mut graph: DiGraph<String, &str> = DiGraph::with_capacity(self.steps.len(), 0);
        for step in &self.steps {
            let (share, tasks) = (100.0 * part(step.time, self.busy), step.tasks);
            let tasks = format!("{tasks} {}", if tasks == 1 { "task" } else { "tasks" });
            graph.add_node(format!("{}\n{share:.1}%, {:.2?}, {tasks}", step.label, step.time));
        }
        for (index, step) in self.steps.iter().enumerate() {
            for &before in &step.after {
                graph.add_edge(NodeIndex::new(before), NodeIndex::new(index), "");
            }
        }
        let colour = |_, (index, _): (NodeIndex, &String)| {
            let saturation = part(self.steps[index.index()].time, longest);
            format!("shape = box style = filled fillcolor = \"0.000 {saturation:.3} 1.000\"")
        };
        let dot = Dot::with_attr_getters(&graph, &[Config::EdgeNoLabel], &|_, _| String::new(), &colour);
        format!("{dot}")
    }
}
