//! What transactions read and wrote, as plain data, and what follows for running them side by side: the conflict
//! graph of a block and its critical path.

use std::collections::{BTreeSet, HashMap};

/// A place in contract state, or the shape of a container: which keys or how many elements it has.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Location {
    /// A field of an instance, which is named by (ordinal of the transaction that made it, running number there).
    Field {
        /// The instance.
        instance: (u64, u32),
        /// The field's index.
        field: u32,
    },
    /// A map's entry.
    Entry {
        /// The map's id.
        container: u64,
        /// The key, in canonical bytes.
        key: Box<[u8]>,
    },
    /// A list's element or a record's field.
    Element {
        /// The list's or record's id.
        container: u64,
        /// The index.
        index: u64,
    },
    /// How many entries or elements, and in which order.
    Shape {
        /// The container's id.
        container: u64,
    },
    /// The instance behind `Name.f()`.
    Shared {
        /// The contract declaration.
        class: u32,
    },
}

/// What one transaction did to contract state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Accesses {
    /// Places whose value from before the transaction it has seen.
    pub reads: BTreeSet<Location>,
    /// Places that it left with another value: nothing that was undone.
    pub writes: BTreeSet<Location>,
    /// Containers into which it put keys, or took some out, without looking at their shape: such notes commute.
    pub notes: BTreeSet<Location>,
}

/// Which transactions of a block must see the effects of which.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConflictGraph {
    /// (earlier, later): the later one reads what the earlier one wrote last. In order of the later one.
    pub edges: Vec<(u32, u32)>,
    /// Transactions on the longest chain: no executor can take fewer steps.
    pub critical_transactions: u32,
    /// The greatest cost of a chain; the whole cost over it bounds the speedup.
    pub critical_cost: u64,
    /// The cost of all transactions.
    pub total_cost: u64,
    /// Transactions that must wait for another one.
    pub dependent_transactions: u32,
}

impl ConflictGraph {
    /// The graph of transactions in block order. `costs` are in any unit (gas, nanoseconds), one for each.
    pub fn of(accesses: &[Accesses], costs: &[u64]) -> ConflictGraph {
        assert_eq!(accesses.len(), costs.len(), "one cost for each transaction");
        let mut graph = ConflictGraph { total_cost: costs.iter().sum(), ..ConflictGraph::default() };
        let mut writers: HashMap<&Location, Vec<u32>> = HashMap::new();
        let mut chains: Vec<(u64, u32)> = Vec::with_capacity(accesses.len());
        for (later, access) in (0_u32..).zip(accesses) {
            let earlier: BTreeSet<u32> =
                access.reads.iter().filter_map(|location| writers.get(location)).flatten().copied().collect();
            let before = earlier.iter().map(|&at| chains[at as usize]);
            let (cost, length) = before.fold((0, 0), |(cost, length), (c, l)| (cost.max(c), length.max(l)));
            let own = (cost + costs[later as usize], length + 1);
            graph.critical_cost = graph.critical_cost.max(own.0);
            graph.critical_transactions = graph.critical_transactions.max(own.1);
            graph.dependent_transactions += u32::from(!earlier.is_empty());
            graph.edges.extend(earlier.into_iter().map(|earlier| (earlier, later)));
            chains.push(own);
            for location in &access.writes {
                writers.insert(location, vec![later]);
            }
            for location in &access.notes {
                let noted = writers.entry(location).or_default();
                if access.reads.contains(location) {
                    // It comes after all that were there before: whoever follows need only follow it.
                    noted.clear();
                }
                noted.push(later);
            }
        }
        graph
    }

    /// How many times faster than one after another the block could run at best; none for an empty block.
    pub fn speedup_max(&self) -> Option<f64> {
        (self.critical_cost > 0).then(|| self.total_cost as f64 / self.critical_cost as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn element(index: u64) -> Location {
        Location::Element { container: 1, index }
    }

    fn access(reads: &[Location], writes: &[Location], notes: &[Location]) -> Accesses {
        let set = |locations: &[Location]| locations.iter().cloned().collect();
        Accesses { reads: set(reads), writes: set(writes), notes: set(notes) }
    }

    #[test]
    fn a_reader_follows_the_last_writer_alone() {
        let block = [
            access(&[], &[element(0)], &[]),
            access(&[element(0)], &[element(0)], &[]),
            access(&[element(0)], &[], &[]),
            access(&[element(1)], &[], &[]),
        ];
        let graph = ConflictGraph::of(&block, &[5, 7, 11, 100]);
        assert_eq!(graph.edges, [(0, 1), (1, 2)]);
        assert_eq!((graph.critical_transactions, graph.critical_cost, graph.total_cost), (3, 100, 123));
        assert_eq!(graph.dependent_transactions, 2);
        assert_eq!(graph.speedup_max(), Some(1.23));
    }

    #[test]
    fn notes_commute_and_a_reader_of_the_shape_follows_them_all() {
        let shape = Location::Shape { container: 1 };
        let mint = access(&[], &[], std::slice::from_ref(&shape));
        let count = access(std::slice::from_ref(&shape), &[], &[]);
        let graph = ConflictGraph::of(&[mint.clone(), mint.clone(), count, mint], &[1, 1, 1, 1]);
        assert_eq!(graph.edges, [(0, 2), (1, 2)]);
        assert_eq!(graph.critical_transactions, 2);
    }

    #[test]
    fn two_blind_writes_do_not_conflict() {
        let write = access(&[], &[element(0)], &[]);
        let graph = ConflictGraph::of(&[write.clone(), write], &[1, 1]);
        assert!(graph.edges.is_empty());
        assert_eq!(ConflictGraph::of(&[], &[]).speedup_max(), None);
    }
}
