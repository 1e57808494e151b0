//! The single tables of builtin functions and of method names. A builtin's id and a method's id are its index
//! here; the resolver binds names to them, and the runtime's dispatch is made from the same tables.

/// Any number of arguments.
pub const ANY: u16 = u16::MAX;

/// Builtin functions: name, fewest arguments, most arguments.
pub const BUILTINS: &[(&str, u16, u16)] = &[
    ("print", 0, ANY),
    ("string", 1, 1),
    ("str", 1, 1),
    ("len", 1, 1),
    ("length", 1, 1),
    ("int", 1, 1),
    ("float", 1, 1),
    ("bool", 1, 1),
    ("type", 1, 1),
    ("typeof", 1, 1),
    ("range", 1, 3),
    ("push", 2, 2),
    ("append", 2, 2),
    ("extend", 2, 2),
    ("first", 1, 1),
    ("rest", 1, 1),
    ("last", 1, 1),
    ("slice", 2, 3),
    ("sort", 1, 3),
    ("reverse", 1, 1),
    ("keys", 1, 1),
    ("values", 1, 1),
    ("entries", 1, 1),
    ("map", 2, 2),
    ("filter", 2, 2),
    ("reduce", 2, 3),
    ("sum", 1, ANY),
    ("min", 1, ANY),
    ("max", 1, ANY),
    ("abs", 1, 1),
    ("floor", 1, 1),
    ("ceil", 1, 1),
    ("round", 1, 2),
    ("sqrt", 1, 1),
    ("pow", 2, 2),
    ("split", 1, 2),
    ("join", 1, 2),
    ("contains", 2, 2),
    ("replace", 3, 3),
    ("trim", 1, 1),
    ("upper", 1, 1),
    ("lower", 1, 1),
    ("uppercase", 1, 1),
    ("lowercase", 1, 1),
    ("substring", 2, 3),
    ("starts_with", 2, 2),
    ("ends_with", 2, 2),
    ("index_of", 2, 2),
    ("hash", 1, 2),
    ("sha256", 1, 1),
    ("keccak256", 1, 1),
    ("blake3", 1, 1),
    ("verify_signature", 3, 4),
    ("to_hex", 1, 1),
    ("from_hex", 1, 1),
    ("json_parse", 1, 1),
    ("json_stringify", 1, 2),
    ("is_null", 1, 1),
    ("is_main", 0, 0),
    ("time", 0, 0),
    ("time_now", 0, 0),
    ("now", 0, 0),
    ("timestamp", 0, 0),
    ("random", 0, 2),
    ("require", 1, 2),
    ("revert", 0, 1),
    ("throw", 1, 1),
    ("sleep", 1, 1),
    ("input", 0, 1),
    ("file_read_text", 1, 1),
    ("file_write_text", 2, 2),
    ("file_exists", 1, 1),
    ("file_read_json", 1, 1),
    ("file_write_json", 2, 2),
    ("persist_get", 1, 2),
    ("persist_set", 2, 2),
    ("storage_begin_batch", 0, ANY),
    ("storage_commit_batch", 0, ANY),
    // Members of built-in modules (`runtime::library`): no program can say a name with a dot.
    ("module.is_main", 0, 0),
    // What a persistent field's initialiser stands behind (`runtime::kept`).
    ("contract.restore", 1, 1),
    ("math.trunc", 1, 1),
    ("math.sign", 1, 1),
    ("math.clamp", 3, 3),
    ("math.gcd", 2, 2),
    ("math.lcm", 2, 2),
    ("math.factorial", 1, 1),
    ("math.cbrt", 1, 1),
    ("math.hypot", 2, 2),
    ("math.exp", 1, 1),
    ("math.log", 1, 2),
    ("math.log2", 1, 1),
    ("math.log10", 1, 1),
    ("math.sin", 1, 1),
    ("math.cos", 1, 1),
    ("math.tan", 1, 1),
    ("math.asin", 1, 1),
    ("math.acos", 1, 1),
    ("math.atan", 1, 1),
    ("math.atan2", 2, 2),
    ("math.degrees", 1, 1),
    ("math.radians", 1, 1),
    ("crypto.sha512", 1, 1),
    ("crypto.sha3_256", 1, 1),
    ("crypto.blake2b", 1, 1),
    ("crypto.calculate_merkle_root", 1, 1),
    ("blockchain.create_address", 1, 2),
    ("blockchain.validate_address", 1, 2),
    ("blockchain.calculate_merkle_root", 1, 1),
    ("blockchain.hash_block", 1, 1),
    ("blockchain.validate_proof_of_work", 3, 4),
];

/// Builtins that may call a function given as an argument: the only ones that run program code.
const CALLBACKS: &[&str] = &["map", "filter", "reduce", "sort"];

/// Builtins whose result is a new container that nobody else holds.
const CONTAINER_MAKERS: &[&str] = &[
    "range",
    "push",
    "rest",
    "slice",
    "sort",
    "reverse",
    "keys",
    "values",
    "entries",
    "map",
    "filter",
    "split",
    "json_parse",
    "file_read_json",
];

/// Method names: the spelling in the language's text and, where it differs, the camelCase spelling of the same.
pub const METHODS: &[(&str, Option<&str>)] = &[
    ("push", None),
    ("pop", None),
    ("append", None),
    ("extend", None),
    ("insert", None),
    ("remove", None),
    ("clear", None),
    ("contains", None),
    ("index_of", Some("indexOf")),
    ("join", None),
    ("sort", None),
    ("reverse", None),
    ("slice", None),
    ("first", None),
    ("last", None),
    ("map", None),
    ("filter", None),
    ("reduce", None),
    ("is_empty", Some("isEmpty")),
    ("len", None),
    ("length", None),
    ("count", None),
    ("size", None),
    ("upper", None),
    ("lower", None),
    ("to_upper", Some("toUpper")),
    ("to_lower", Some("toLower")),
    ("trim", None),
    ("starts_with", Some("startsWith")),
    ("ends_with", Some("endsWith")),
    ("substring", None),
    ("split", None),
    ("replace", None),
    ("to_int", Some("toInt")),
    ("char_at", Some("charAt")),
    ("has", None),
    ("get", None),
    ("set", None),
    ("delete", None),
    ("keys", None),
    ("values", None),
    ("entries", None),
    ("merge", None),
    ("to_string", Some("toString")),
    ("to_json", Some("toJSON")),
    ("clone", None),
    ("equals", None),
];

/// The id of a builtin function.
pub fn builtin_id(name: &str) -> Option<u32> {
    BUILTINS.iter().position(|(builtin, ..)| *builtin == name).map(|index| index as u32)
}

/// The id of `require`.
pub const REQUIRE: u32 = {
    let mut id = 0;
    while !matches!(BUILTINS[id].0.as_bytes(), b"require") {
        id += 1;
    }
    id as u32
};

/// The id of a method, under either spelling.
pub fn method_id(name: &str) -> Option<u16> {
    let named = |(snake, camel): &(&str, Option<&str>)| *snake == name || *camel == Some(name);
    METHODS.iter().position(named).map(|index| index as u16)
}

/// Whether the builtin calls functions given to it.
pub fn runs_callback(builtin: u32) -> bool {
    BUILTINS.get(builtin as usize).is_some_and(|(name, ..)| CALLBACKS.contains(name))
}

/// Whether the builtin's result is a new container.
pub fn makes_container(builtin: u32) -> bool {
    BUILTINS.get(builtin as usize).is_some_and(|(name, ..)| CONTAINER_MAKERS.contains(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_stands_once() {
        for (index, (name, least, most)) in BUILTINS.iter().enumerate() {
            assert_eq!(builtin_id(name), Some(index as u32));
            assert!(least <= most, "{name}");
        }
        for (index, (snake, camel)) in METHODS.iter().enumerate() {
            assert_eq!(method_id(snake), Some(index as u16));
            assert!(camel.is_none_or(|camel| method_id(camel) == Some(index as u16)));
        }
        for name in CALLBACKS.iter().chain(CONTAINER_MAKERS) {
            assert!(builtin_id(name).is_some(), "{name}");
        }
    }
}
