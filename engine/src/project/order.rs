//! The order in which windows work: sources first, each window after all its inputs.

use std::collections::BTreeSet;

/// Nodes so that each comes after all its inputs; among those that could come next, the smallest name comes first, so the order
/// of the file has no meaning.
///
/// # Errors
/// The nodes of one cycle, each an input of the next and the last one of the first.
pub(super) fn topological(names: &[&str], edges: &[(usize, usize)]) -> Result<Vec<usize>, Vec<usize>> {
    let mut targets = vec![Vec::new(); names.len()];
    let mut missing = vec![0_usize; names.len()];
    for &(source, target) in edges {
        targets[source].push(target);
        missing[target] += 1;
    }
    let mut ready: BTreeSet<(&str, usize)> =
        (0..names.len()).filter(|&node| missing[node] == 0).map(|node| (names[node], node)).collect();
    let mut order = Vec::with_capacity(names.len());
    while let Some((_, node)) = ready.pop_first() {
        order.push(node);
        for &target in &targets[node] {
            missing[target] -= 1;
            if missing[target] == 0 {
                ready.insert((names[target], target));
            }
        }
    }
    if order.len() == names.len() { Ok(order) } else { Err(cycle(&missing, edges)) }
}

/// Walks against the edges among nodes that still miss inputs: each has such an input, so the walk comes back to itself.
fn cycle(missing: &[usize], edges: &[(usize, usize)]) -> Vec<usize> {
    let mut input_of = vec![None; missing.len()];
    for &(source, target) in edges {
        if missing[source] > 0 {
            input_of[target] = Some(source);
        }
    }
    let mut walk: Vec<usize> = missing.iter().position(|&count| count > 0).into_iter().collect();
    let mut step_of = vec![None; missing.len()];
    while let Some(&node) = walk.last() {
        if let Some(first) = step_of[node].replace(walk.len() - 1) {
            let mut cycle = walk[first..walk.len() - 1].to_vec();
            cycle.reverse();
            return cycle;
        }
        walk.extend(input_of[node]);
    }
    walk
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inputs_come_first_and_names_break_ties() {
        assert_eq!(topological(&["d", "b", "a", "c"], &[(2, 1), (2, 3), (1, 0), (3, 0)]), Ok(vec![2, 1, 3, 0]));
        assert_eq!(topological(&["b", "a"], &[]), Ok(vec![1, 0]));
        assert_eq!(topological(&[], &[]), Ok(vec![]));
    }

    #[test]
    fn a_cycle_is_found_without_what_hangs_on_it() {
        // s -> a -> b -> c -> a, and c -> tail
        let names = ["tail", "s", "a", "b", "c"];
        let mut found = topological(&names, &[(1, 2), (2, 3), (3, 4), (4, 2), (4, 0)]).unwrap_err();
        let first = found.iter().position(|&node| node == 2).unwrap();
        found.rotate_left(first);
        assert_eq!(found, vec![2, 3, 4]);
        assert_eq!(topological(&["x"], &[(0, 0)]), Err(vec![0]));
    }
}
