//! Proofs that a place of contract state holds a value, or that there is nothing: what someone who trusts a state
//! root alone can check.

use super::api::{Data, Digest};
use super::convert::import;
use super::isolate::Isolate;
use crate::ledger::proof_path;
use crate::runtime::info::ClassId;
use crate::value::Value;

/// A proof about one place. Everything is plain bytes; `docs/state-proofs.md` says how to verify it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateProof {
    /// The root that it is against.
    pub root: Digest,
    /// The place's path key.
    pub path: Vec<u8>,
    /// Insertion number and canonical content of the leaf there; none: there is no such place.
    pub leaf: Option<(u64, Vec<u8>)>,
    /// For each node on the way, from the root down, the hashes of its 16 children.
    pub levels: Vec<[Digest; 16]>,
    /// Position and content hash of the leaf at the end of the way, if one stands there.
    pub end: Option<(Digest, Digest)>,
}

impl Isolate {
    /// A proof about the place that `keys` lead to below a field of the contract's instance with this number, from
    /// 0 in the order of their making. None if there is no such instance or field, or if the keys lead through
    /// something that is no container. Only after [`Isolate::seal`].
    pub fn prove_state(&mut self, contract: &str, number: usize, field: &str, keys: &[Data]) -> Option<StateProof> {
        let root = self.state_root();
        let (instance, field) = self.place_of(contract, number, field)?;
        let steps: Vec<Value> = keys.iter().map(|key| import(&mut self.inner, key)).collect();
        let (path, leaf) = proof_path(&self.inner.ledger, instance, field, &steps)?;
        let branch = self.inner.ledger.state_tree()?.branch(&path);
        Some(StateProof { root, path, leaf, levels: branch.levels, end: branch.leaf })
    }

    /// The index of an instance and of its field.
    fn place_of(&self, contract: &str, number: usize, field: &str) -> Option<(usize, usize)> {
        let info = &self.inner.info;
        let named = |class: u32| info.name(info.class(ClassId(class)).name) == contract;
        let instances = &self.inner.ledger.instances;
        let (index, instance) = instances.iter().enumerate().filter(|(_, each)| named(each.class)).nth(number)?;
        let fields = &info.class(ClassId(instance.class)).fields;
        let field = fields.iter().position(|symbol| info.name(*symbol) == field)?;
        Some((index, field))
    }
}
