//! The built-in modules: `math crypto blockchain json`. Each member is a builtin function or a number. All give the
//! same on every machine: what the processor or the system's library would compute in its own way is left out, or
//! comes from the `libm` crate.

use super::names::builtin_id;

/// A built-in module.
#[derive(Debug)]
pub struct Module {
    /// The name that `use` takes.
    pub name: &'static str,
    /// Its members.
    pub items: &'static [(&'static str, Item)],
}

/// A member of a built-in module.
#[derive(Clone, Copy, Debug)]
pub enum Item {
    /// The builtin of this name.
    Function(&'static str),
    /// A float, by its bits.
    Number(u64),
}

use Item::{Function, Number};

const MODULES: &[Module] = &[
    Module {
        name: "math",
        items: &[
            ("pi", Number(std::f64::consts::PI.to_bits())),
            ("e", Number(std::f64::consts::E.to_bits())),
            ("tau", Number(std::f64::consts::TAU.to_bits())),
            ("infinity", Number(f64::INFINITY.to_bits())),
            ("abs", Function("abs")),
            ("min", Function("min")),
            ("max", Function("max")),
            ("sum", Function("sum")),
            ("floor", Function("floor")),
            ("ceil", Function("ceil")),
            ("round", Function("round")),
            ("sqrt", Function("sqrt")),
            ("pow", Function("pow")),
            ("random", Function("random")),
            ("trunc", Function("math.trunc")),
            ("sign", Function("math.sign")),
            ("clamp", Function("math.clamp")),
            ("gcd", Function("math.gcd")),
            ("lcm", Function("math.lcm")),
            ("factorial", Function("math.factorial")),
            ("cbrt", Function("math.cbrt")),
            ("hypot", Function("math.hypot")),
            ("exp", Function("math.exp")),
            ("log", Function("math.log")),
            ("log2", Function("math.log2")),
            ("log10", Function("math.log10")),
            ("sin", Function("math.sin")),
            ("cos", Function("math.cos")),
            ("tan", Function("math.tan")),
            ("asin", Function("math.asin")),
            ("acos", Function("math.acos")),
            ("atan", Function("math.atan")),
            ("atan2", Function("math.atan2")),
            ("degrees", Function("math.degrees")),
            ("radians", Function("math.radians")),
        ],
    },
    Module {
        name: "crypto",
        items: &[
            ("hash", Function("hash")),
            ("sha256", Function("sha256")),
            ("sha512", Function("crypto.sha512")),
            ("sha3_256", Function("crypto.sha3_256")),
            ("blake2b", Function("crypto.blake2b")),
            ("blake3", Function("blake3")),
            ("keccak256", Function("keccak256")),
            ("hash_sha256", Function("sha256")),
            ("hash_sha512", Function("crypto.sha512")),
            ("verify_signature", Function("verify_signature")),
            ("calculate_merkle_root", Function("crypto.calculate_merkle_root")),
            ("to_hex", Function("to_hex")),
            ("from_hex", Function("from_hex")),
        ],
    },
    Module {
        name: "blockchain",
        items: &[
            ("create_address", Function("blockchain.create_address")),
            ("validate_address", Function("blockchain.validate_address")),
            ("calculate_merkle_root", Function("blockchain.calculate_merkle_root")),
            ("hash_block", Function("blockchain.hash_block")),
            ("validate_proof_of_work", Function("blockchain.validate_proof_of_work")),
        ],
    },
    Module {
        name: "json",
        items: &[
            ("parse", Function("json_parse")),
            ("stringify", Function("json_stringify")),
            ("load", Function("file_read_json")),
            ("save", Function("file_write_json")),
        ],
    },
];

/// The built-in module of that name.
pub fn module(name: &str) -> Option<&'static Module> {
    MODULES.iter().find(|module| module.name == name)
}

/// The names of all members of all built-in modules.
pub fn names() -> impl Iterator<Item = &'static str> {
    MODULES.iter().flat_map(|module| module.items.iter().map(|(name, _)| *name))
}

/// `is_main` in a file that was imported.
pub fn not_main() -> u32 {
    builtin_id("module.is_main").expect("the table of builtins has it")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_member_exists_once() {
        for module in MODULES {
            for (index, (name, item)) in module.items.iter().enumerate() {
                assert!(!module.items[..index].iter().any(|(other, _)| other == name), "{}.{name}", module.name);
                if let Function(builtin) = item {
                    assert!(builtin_id(builtin).is_some(), "{builtin}");
                }
            }
        }
        assert!(not_main() > 0);
    }
}
