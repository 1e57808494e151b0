//! Placing labels so that none covers another.

/// Moves positions apart until neighbours are `gap` apart, each as near to where it wants to be as
/// the others allow, all within `low..=high`. Squeezes the gap when there is no room for all.
/// The answer is in the order of `wanted`.
pub(super) fn spread(wanted: &[f64], gap: f64, low: f64, high: f64) -> Vec<f64> {
    let count = wanted.len();
    if count == 0 {
        return Vec::new();
    }
    let gap = gap.min((high - low) / count as f64);
    let mut order: Vec<usize> = (0..count).collect();
    order.sort_by(|a, b| wanted[*a].total_cmp(&wanted[*b]));
    // Blocks of touching labels, each (sum of what its members want for the first, size).
    let mut blocks: Vec<(f64, usize)> = Vec::new();
    let top = |block: &(f64, usize)| (block.0 / block.1 as f64).clamp(low, high - gap * (block.1 - 1) as f64);
    for &i in &order {
        let mut block = (wanted[i], 1);
        while let Some(above) = blocks.last() {
            if top(above) + gap * above.1 as f64 <= top(&block) {
                break;
            }
            // A member's wish for the block's first is its own less its distance from it.
            let merged = above.0 + block.0 - gap * (above.1 * block.1) as f64;
            block = (merged, above.1 + block.1);
            blocks.pop();
        }
        blocks.push(block);
    }
    let mut placed = vec![0.0; count];
    let mut next = order.iter();
    for block in &blocks {
        for (k, &i) in next.by_ref().take(block.1).enumerate() {
            placed[i] = top(block) + gap * k as f64;
        }
    }
    placed
}

/// Rows for labels that hang to the right of vertical lines, row 0 nearest to where the lines come
/// from: no label covers another, and no line that goes up to its label crosses one. `None` where
/// that takes more than `most` rows: such a line ends below the labels.
pub(super) fn rows(extents: &[(f64, f64)], gap: f64, most: usize) -> Vec<Option<usize>> {
    let mut order: Vec<usize> = (0..extents.len()).collect();
    order.sort_by(|a, b| extents[*b].0.total_cmp(&extents[*a].0));
    let mut placed: Vec<Option<usize>> = vec![None; extents.len()];
    // From the right: a label must stand above every line that begins within its extent.
    for (done, &i) in order.iter().enumerate() {
        let below = order[..done].iter().filter(|&&j| extents[j].0 <= extents[i].1 + gap);
        let row = below.filter_map(|&j| placed[j]).max().map_or(0, |row| row + 1);
        placed[i] = (row < most).then_some(row);
    }
    placed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn far_labels_stay() {
        assert_eq!(spread(&[10.0, 90.0, 50.0], 10.0, 0.0, 100.0), [10.0, 90.0, 50.0]);
    }

    #[test]
    fn near_labels_move_apart_evenly() {
        assert_eq!(spread(&[50.0, 50.0], 10.0, 0.0, 100.0), [45.0, 55.0]);
        assert_eq!(spread(&[0.0, 1.0], 10.0, 0.0, 100.0), [0.0, 10.0]);
        assert_eq!(spread(&[99.0, 100.0], 10.0, 0.0, 100.0), [90.0, 100.0]);
    }

    #[test]
    fn never_nearer_than_the_gap_and_never_outside() {
        for seed in 0..200_u64 {
            let wanted: Vec<f64> = (0..8).map(|i| ((seed * 2_654_435_761 + i * 40_503) % 101) as f64).collect();
            let mut placed = spread(&wanted, 11.0, 0.0, 100.0);
            placed.sort_by(f64::total_cmp);
            assert!(placed[0] >= 0.0 && placed[7] <= 100.0 + 1e-9, "{placed:?}");
            assert!(placed.windows(2).all(|p| p[1] - p[0] > 11.0 - 1e-9), "{wanted:?} {placed:?}");
        }
    }

    #[test]
    fn too_many_are_squeezed() {
        let placed = spread(&[5.0; 20], 10.0, 0.0, 100.0);
        assert!(placed.iter().all(|p| (0.0..=100.0).contains(p)));
    }

    #[test]
    fn a_label_stands_above_the_lines_to_its_right() {
        let extents = [(0.0, 10.0), (5.0, 15.0), (40.0, 50.0)];
        assert_eq!(rows(&extents, 1.0, 2), [Some(1), Some(0), Some(0)]);
        // Three together, two rows: the leftmost has none.
        let extents = [(0.0, 10.0), (5.0, 15.0), (8.0, 12.0)];
        assert_eq!(rows(&extents, 1.0, 2), [None, Some(1), Some(0)]);
    }
}
