//! [`sorted`]: nodes in an order in which each stands behind what it needs.

/// The numbers from 0 to `count`, each behind those that `needs` gives for it; those that nothing orders stay in their
/// order. Of `roots` alone, and what they need, if there are roots.
///
/// # Errors
/// A cycle: each needs the next, and the last one the first.
pub(crate) fn sorted(
    count: usize,
    roots: Option<&[usize]>,
    needs: impl Fn(usize) -> Vec<usize>,
) -> Result<Vec<usize>, Vec<usize>> {
    #[derive(Clone, Copy, PartialEq)]
    enum State {
        New,
        Open,
        Done,
    }
    let mut states = vec![State::New; count];
    let mut order = Vec::new();
    let all: Vec<usize>;
    let roots = if let Some(roots) = roots {
        roots
    } else {
        all = (0..count).collect();
        &all
    };
    // The path from a root, each with what it needs that was not looked at; no recursion, which files could make deep.
    let mut path: Vec<(usize, std::vec::IntoIter<usize>)> = Vec::new();
    for &root in roots {
        if states.get(root) == Some(&State::New) {
            states[root] = State::Open;
            path.push((root, needs(root).into_iter()));
        }
        while let Some((node, rest)) = path.last_mut() {
            let Some(next) = rest.next() else {
                states[*node] = State::Done;
                order.push(*node);
                path.pop();
                continue;
            };
            match states.get(next) {
                Some(State::New) => {
                    states[next] = State::Open;
                    path.push((next, needs(next).into_iter()));
                }
                Some(State::Open) => {
                    let nodes = path.iter().map(|(node, _)| *node);
                    return Err(nodes.skip_while(|&node| node != next).collect());
                }
                Some(State::Done) | None => {}
            }
        }
    }
    Ok(order)
}

#[cfg(test)]
mod tests {
    use super::sorted;

    #[test]
    fn what_is_needed_comes_first() {
        let needs = |node: usize| [vec![2], vec![], vec![1, 3], vec![1]][node].clone();
        assert_eq!(sorted(4, None, needs), Ok(vec![1, 3, 2, 0]));
        assert_eq!(sorted(4, Some(&[3]), needs), Ok(vec![1, 3]));
    }

    #[test]
    fn cycles_are_told() {
        let needs = |node: usize| vec![(node + 1) % 3];
        assert_eq!(sorted(4, None, needs), Err(vec![0, 1, 2]));
        assert_eq!(sorted(1, None, |_| vec![0]), Err(vec![0]));
        // As deep as a file can be.
        assert_eq!(
            sorted(1_000_000, None, |n| if n > 0 { vec![n - 1] } else { vec![] }).map(|o| o.len()),
            Ok(1_000_000)
        );
    }
}
