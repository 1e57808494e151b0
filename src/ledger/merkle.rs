//! The Merkle tree under the state root: 16 children a node, a leaf's position is BLAKE3 of its path key. A single
//! leaf stands for its whole subtree, so the shape follows from the set of positions alone. Changes are applied in
//! batches: each node above a change is hashed once.

/// BLAKE3.
pub type Digest = [u8; 32];

/// What stands at a node's child.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Child {
    Empty,
    Leaf(u32),
    Node(u32),
}

/// A child in four bytes: half of what a node takes is its children.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Packed(u32);

impl Packed {
    const EMPTY: Packed = Packed(u32::MAX);
    const LEAF: u32 = 1 << 31;

    fn of(child: Child) -> Packed {
        match child {
            Child::Empty => Packed::EMPTY,
            Child::Leaf(leaf) => Packed(leaf | Packed::LEAF),
            Child::Node(node) => Packed(node),
        }
    }

    fn child(self) -> Child {
        match self {
            Packed::EMPTY => Child::Empty,
            Packed(leaf) if leaf & Packed::LEAF != 0 => Child::Leaf(leaf & !Packed::LEAF),
            Packed(node) => Child::Node(node),
        }
    }
}

#[derive(Debug, Clone)]
struct Leaf {
    position: Digest,
    /// Of path key, insertion number and value.
    content: Digest,
    /// Of position and content.
    hash: Digest,
}

#[derive(Debug, Clone)]
struct Node {
    hash: Digest,
    children: [Packed; 16],
}

/// A leaf that is to be put at a position, or taken away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Change {
    /// BLAKE3 of the path key.
    pub(super) position: Digest,
    /// The leaf's content hash; none: there is to be no leaf.
    pub(super) content: Option<Digest>,
}

/// The way from the root to a position: what a verifier needs beside the root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Branch {
    /// For each node on the way, from the root down, the hashes of its children; an empty one is all zeros.
    pub levels: Vec<[Digest; 16]>,
    /// The leaf at the end, position and content hash; none if the place is empty.
    pub leaf: Option<(Digest, Digest)>,
}

/// The tree.
#[derive(Debug, Default)]
pub(super) struct Tree {
    nodes: Vec<Node>,
    leaves: Vec<Leaf>,
    free_nodes: Vec<u32>,
    free_leaves: Vec<u32>,
    root: Option<Child>,
}

/// The half byte of a position that decides at `depth`.
pub(super) fn nibble(position: &Digest, depth: usize) -> u8 {
    let byte = position[depth / 2];
    if depth.is_multiple_of(2) { byte >> 4 } else { byte & 15 }
}

/// The hash of a leaf as a child: with its position, so that it cannot be moved. One block of BLAKE3, and a node is
/// eight: the length tells them apart.
pub(super) fn leaf_hash(position: &Digest, content: &Digest) -> Digest {
    let mut bytes = [0; 2 * 32];
    bytes[..32].copy_from_slice(position);
    bytes[32..].copy_from_slice(content);
    blake3::hash(&bytes).into()
}

/// The hash of a node of 16 children; an empty one is all zeros.
pub(super) fn node_hash<'a>(children: impl Iterator<Item = &'a Digest>) -> Digest {
    let mut bytes = [0; 16 * 32];
    for (to, child) in bytes.chunks_exact_mut(32).zip(children) {
        to.copy_from_slice(child);
    }
    blake3::hash(&bytes).into()
}

const NONE: Digest = [0; 32];

impl Tree {
    /// The root: 32 zero bytes when there is no leaf.
    pub(super) fn root(&self) -> Digest {
        *self.hash_of(self.root.unwrap_or(Child::Empty))
    }

    /// How many leaves.
    pub(super) fn len(&self) -> usize {
        self.leaves.len() - self.free_leaves.len()
    }

    /// Bytes that it holds.
    pub(super) fn memory_bytes(&self) -> usize {
        self.nodes.capacity() * size_of::<Node>()
            + self.leaves.capacity() * size_of::<Leaf>()
            + (self.free_nodes.capacity() + self.free_leaves.capacity()) * size_of::<u32>()
    }

    /// Applies changes, which are sorted by position, one for each.
    pub(super) fn apply(&mut self, changes: &[Change]) {
        debug_assert!(changes.is_sorted_by(|a, b| a.position < b.position), "changes in the order of their positions");
        let root = self.update(self.root.unwrap_or(Child::Empty), changes, 0);
        self.root = Some(root);
    }

    /// The way to a position.
    pub(super) fn branch(&self, position: &Digest) -> Branch {
        let mut levels = Vec::new();
        let mut at = self.root.unwrap_or(Child::Empty);
        loop {
            match at {
                Child::Empty => return Branch { levels, leaf: None },
                Child::Leaf(leaf) => {
                    let leaf = &self.leaves[leaf as usize];
                    return Branch { levels, leaf: Some((leaf.position, leaf.content)) };
                }
                Child::Node(node) => {
                    let children = &self.nodes[node as usize].children;
                    at = children[nibble(position, levels.len()) as usize].child();
                    levels.push(children.map(|child| *self.hash_of(child.child())));
                }
            }
        }
    }

    fn hash_of(&self, child: Child) -> &Digest {
        match child {
            Child::Empty => &NONE,
            Child::Leaf(leaf) => &self.leaves[leaf as usize].hash,
            Child::Node(node) => &self.nodes[node as usize].hash,
        }
    }

    fn update(&mut self, child: Child, changes: &[Change], depth: usize) -> Child {
        match (child, changes) {
            (child, []) => child,
            (Child::Empty, _) => self.build(changes, depth),
            (Child::Leaf(leaf), _) => self.update_leaf(leaf, changes, depth),
            (Child::Node(node), _) => self.update_node(node, changes, depth),
        }
    }

    /// A leaf that changes fall on: it is one more of them, unless one of them is about it.
    fn update_leaf(&mut self, leaf: u32, changes: &[Change], depth: usize) -> Child {
        let old = &self.leaves[leaf as usize];
        if let [Change { position, content: Some(content) }] = changes
            && *position == old.position
        {
            if *content != old.content {
                let hash = leaf_hash(position, content);
                self.leaves[leaf as usize] = Leaf { position: *position, content: *content, hash };
            }
            return Child::Leaf(leaf);
        }
        let standing = Change { position: old.position, content: Some(old.content) };
        let found = changes.binary_search_by(|change| change.position.cmp(&standing.position));
        self.free_leaves.push(leaf);
        match found {
            Ok(_) => self.build(changes, depth),
            Err(at) => {
                let mut all = changes.to_vec();
                all.insert(at, standing);
                self.build(&all, depth)
            }
        }
    }

    fn update_node(&mut self, node: u32, changes: &[Change], depth: usize) -> Child {
        let mut children = self.nodes[node as usize].children;
        let mut rest = changes;
        while let Some(first) = rest.first() {
            let at = nibble(&first.position, depth);
            let count = rest.partition_point(|change| nibble(&change.position, depth) == at);
            let (these, others) = rest.split_at(count);
            let child = &mut children[at as usize];
            *child = Packed::of(self.update(child.child(), these, depth + 1));
            rest = others;
        }
        let mut standing = children.iter().map(|child| child.child()).filter(|child| *child != Child::Empty);
        let only = match (standing.next(), standing.next()) {
            (None, _) => Some(Child::Empty),
            (Some(Child::Leaf(leaf)), None) => Some(Child::Leaf(leaf)),
            _ => None,
        };
        if let Some(only) = only {
            self.free_nodes.push(node);
            return only;
        }
        let hash = node_hash(children.iter().map(|child| self.hash_of(child.child())));
        self.nodes[node as usize] = Node { hash, children };
        Child::Node(node)
    }

    /// The subtree of the leaves among the changes.
    fn build(&mut self, changes: &[Change], depth: usize) -> Child {
        let mut leaves = changes.iter().filter_map(|change| Some((change.position, change.content?)));
        let Some((position, content)) = leaves.next() else { return Child::Empty };
        if leaves.next().is_none() {
            let leaf = Leaf { position, content, hash: leaf_hash(&position, &content) };
            return Child::Leaf(place(&mut self.leaves, &mut self.free_leaves, leaf));
        }
        assert!(depth < 64, "two places with one path key");
        let mut children = [Packed::EMPTY; 16];
        let mut rest = changes;
        while let Some(first) = rest.first() {
            let at = nibble(&first.position, depth);
            let count = rest.partition_point(|change| nibble(&change.position, depth) == at);
            let (these, others) = rest.split_at(count);
            children[at as usize] = Packed::of(self.build(these, depth + 1));
            rest = others;
        }
        let hash = node_hash(children.iter().map(|child| self.hash_of(child.child())));
        Child::Node(place(&mut self.nodes, &mut self.free_nodes, Node { hash, children }))
    }
}

/// Puts an item into a free place, or behind all others.
fn place<T>(items: &mut Vec<T>, free: &mut Vec<u32>, item: T) -> u32 {
    if let Some(at) = free.pop() {
        items[at as usize] = item;
        return at;
    }
    if items.len() == items.capacity() {
        // Doubling would leave half of a large tree's memory unused.
        items.reserve_exact((items.len() / 4).max(64));
    }
    items.push(item);
    let at = u32::try_from(items.len() - 1).ok().filter(|at| *at < Packed::LEAF - 1);
    at.expect("fewer than 2^31 places in contract state")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    /// The root by the definition, from the leaves alone.
    fn defined(leaves: &BTreeMap<Digest, Digest>) -> Digest {
        fn below(leaves: &[(Digest, Digest)], depth: usize) -> Digest {
            match leaves {
                [] => [0; 32],
                [(position, content)] => leaf_hash(position, content),
                _ => {
                    let child = |at: u8| {
                        let these: Vec<_> = leaves.iter().copied().filter(|(p, _)| nibble(p, depth) == at).collect();
                        below(&these, depth + 1)
                    };
                    let children: Vec<Digest> = (0..16).map(child).collect();
                    node_hash(children.iter())
                }
            }
        }
        below(&leaves.iter().map(|(position, content)| (*position, *content)).collect::<Vec<_>>(), 0)
    }

    /// Positions that share long beginnings, so that nodes come and go at many depths.
    fn position(number: u16) -> Digest {
        let mut position = [0x11; 32];
        position[usize::from(number % 5)] = (number >> 8) as u8;
        position[31] = number as u8;
        position
    }

    proptest! {
        #[test]
        fn batches_of_changes_give_the_defined_root(
            batches in prop::collection::vec(prop::collection::vec((0_u16..600, prop::option::of(0_u8..3)), 0..40), 1..8)
        ) {
            let mut tree = Tree::default();
            let mut leaves = BTreeMap::new();
            for batch in batches {
                let changes: BTreeMap<Digest, Option<Digest>> =
                    batch.into_iter().map(|(number, value)| (position(number), value.map(|value| [value; 32]))).collect();
                for (position, content) in &changes {
                    match content {
                        Some(content) => leaves.insert(*position, *content),
                        None => leaves.remove(position),
                    };
                }
                let list: Vec<Change> =
                    changes.into_iter().map(|(position, content)| Change { position, content }).collect();
                tree.apply(&list);
                prop_assert_eq!(tree.root(), defined(&leaves));
                prop_assert_eq!(tree.len(), leaves.len());
            }
        }
    }
}
