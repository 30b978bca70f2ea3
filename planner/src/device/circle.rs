//! Circles in a graph that must have none.

use std::collections::{HashMap, VecDeque};

use petgraph::algo::kosaraju_scc;
use petgraph::graph::{DiGraph, EdgeIndex, NodeIndex};
use petgraph::visit::EdgeRef;

/// One shortest circle of each knot of `graph`, as its edges in order. Nothing here recurses: graphs come from files.
pub(crate) fn circles<N, E>(graph: &DiGraph<N, E>) -> Vec<Vec<EdgeIndex>> {
    let mut circles: Vec<Vec<EdgeIndex>> =
        kosaraju_scc(graph).iter().filter_map(|knot| circle(graph, knot)).collect();
    circles.sort();
    circles
}

fn circle<N, E>(graph: &DiGraph<N, E>, knot: &[NodeIndex]) -> Option<Vec<EdgeIndex>> {
    let start = *knot.iter().min()?;
    let inside: std::collections::HashSet<NodeIndex> = knot.iter().copied().collect();
    let mut came_by: HashMap<NodeIndex, EdgeIndex> = HashMap::new();
    let mut queue = VecDeque::from([start]);
    while let Some(node) = queue.pop_front() {
        for edge in graph.edges(node).filter(|e| inside.contains(&e.target())) {
            if edge.target() == start {
                let mut path = vec![edge.id()];
                let mut at = node;
                while at != start {
                    let by = came_by[&at];
                    path.push(by);
                    at = graph.edge_endpoints(by)?.0;
                }
                path.reverse();
                return Some(path);
            }
            came_by.entry(edge.target()).or_insert_with(|| {
                queue.push_back(edge.target());
                edge.id()
            });
        }
    }
    None
}
