//! Whether a process did the reference's work.

use super::process::Link;

/// Where a chain differs from the reference's, or why it cannot be compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Difference {
    /// Another link.
    Differs {
        /// Thread.
        isolate: u32,
        /// Ordinal of the first pass or block that differs.
        index: u64,
    },
    /// A thread gave no link that can be compared.
    NothingToCompare {
        /// Thread.
        isolate: u32,
    },
    /// Links out of order.
    Disordered {
        /// Thread.
        isolate: u32,
        /// The ordinal that should have come.
        expected: u64,
    },
}

impl Difference {
    /// For a message.
    pub fn describe(&self) -> String {
        match self {
            Self::Differs { isolate, index } => format!("digest {index} of thread {isolate} differs"),
            Self::NothingToCompare { isolate } => format!("thread {isolate} gave no digest"),
            Self::Disordered { isolate, expected } => {
                format!("thread {isolate} gave its digests out of order: {expected} should have come")
            }
        }
    }
}

/// Compares each thread's chain with the reference's, as far as both go. Gives the fewest links
/// that were compared on a thread: at least 1.
pub fn compare(reference: &[String], links: &[Link], threads: usize) -> Result<u64, Difference> {
    let mut fewest = u64::MAX;
    for isolate in 0..threads as u32 {
        let mut compared = 0;
        for (expected, link) in links.iter().filter(|link| link.isolate == isolate).enumerate() {
            if link.index != expected as u64 {
                return Err(Difference::Disordered { isolate, expected: expected as u64 });
            }
            let Some(right) = reference.get(expected) else { break };
            if *right != link.hex {
                return Err(Difference::Differs { isolate, index: link.index });
            }
            compared += 1;
        }
        if compared == 0 {
            return Err(Difference::NothingToCompare { isolate });
        }
        fewest = fewest.min(compared);
    }
    Ok(fewest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn links(isolate: u32, hexes: &[&str]) -> Vec<Link> {
        let numbered = hexes.iter().enumerate();
        numbered.map(|(index, hex)| Link { isolate, index: index as u64, hex: (*hex).into() }).collect()
    }

    fn reference() -> Vec<String> {
        ["a", "b", "c"].map(String::from).into()
    }

    #[test]
    fn chains_agree_as_far_as_both_go() {
        assert_eq!(compare(&reference(), &links(0, &["a", "b"]), 1), Ok(2));
        assert_eq!(compare(&reference(), &links(0, &["a", "b", "c", "d"]), 1), Ok(3));
        let both = [links(0, &["a", "b"]), links(1, &["a"])].concat();
        assert_eq!(compare(&reference(), &both, 2), Ok(1));
    }

    #[test]
    fn a_difference_names_thread_and_ordinal() {
        let both = [links(0, &["a", "b"]), links(1, &["a", "x"])].concat();
        assert_eq!(compare(&reference(), &both, 2), Err(Difference::Differs { isolate: 1, index: 1 }));
    }

    #[test]
    fn silence_is_no_agreement() {
        assert_eq!(compare(&reference(), &[], 1), Err(Difference::NothingToCompare { isolate: 0 }));
        assert_eq!(compare(&reference(), &links(0, &["a"]), 2), Err(Difference::NothingToCompare { isolate: 1 }));
        assert_eq!(compare(&[], &links(0, &["a"]), 1), Err(Difference::NothingToCompare { isolate: 0 }));
        let late = [Link { isolate: 0, index: 1, hex: "b".into() }];
        assert_eq!(compare(&reference(), &late, 1), Err(Difference::Disordered { isolate: 0, expected: 0 }));
    }
}
