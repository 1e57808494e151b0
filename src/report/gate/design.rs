//! What a gate decides before it measures anything.

use serde::{Deserialize, Serialize};

/// The largest share of false alarms of one cell, over all its looks.
pub const ALPHA: f64 = 0.05;
/// What the null arm shows is multiplied by this to become a floor.
pub const NULL_FACTOR: f64 = 1.5;
/// Pairs of one block: A B B A.
pub const PAIRS_A_BLOCK: u32 = 2;

/// The rules of one gate; in `plan.json` under `gate`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Design {
    /// At how many pairs a cell is looked at, ascending; all even.
    pub looks: Vec<u32>,
    /// The user's floor, as a fraction: smaller losses of throughput are of no interest.
    pub floor: f64,
    /// See [`NULL_FACTOR`].
    pub null_factor: f64,
    /// See [`ALPHA`].
    pub alpha: f64,
    /// The base is a stored folder: nothing is paired, and there is no null arm.
    pub stored_base: bool,
    /// The verdict decides nothing: the stored base comes from another machine.
    pub advisory: bool,
    /// A difference of gas is a regression.
    pub gas_equal: bool,
    /// A difference of output is a wrong result.
    pub same_output: bool,
    /// An inconclusive gate fails.
    pub inconclusive_fails: bool,
    /// Why nothing was measured, if so.
    pub unmeasured: Option<String>,
}

impl Design {
    /// Looks at `pairs`, twice as many, and so on up to `most`.
    pub fn new(pairs: u32, most: u32, floor: f64) -> Self {
        Self {
            looks: looks(pairs, most),
            floor,
            null_factor: NULL_FACTOR,
            alpha: ALPHA,
            stored_base: false,
            advisory: false,
            gas_equal: false,
            same_output: false,
            inconclusive_fails: false,
            unmeasured: None,
        }
    }

    /// The last look, in pairs.
    pub fn most_pairs(&self) -> u32 {
        self.looks.last().copied().unwrap_or_default()
    }
}

fn looks(pairs: u32, most: u32) -> Vec<u32> {
    let mut looks: Vec<u32> =
        std::iter::successors(Some(pairs), |look| look.checked_mul(2)).take_while(|look| *look < most).collect();
    looks.push(most);
    looks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_double_up_to_the_last() {
        assert_eq!(looks(10, 40), [10, 20, 40]);
        assert_eq!(looks(10, 30), [10, 20, 30]);
        assert_eq!(looks(8, 8), [8]);
        assert_eq!(Design::new(10, 40, 0.02).most_pairs(), 40);
    }
}
