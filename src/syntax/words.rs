//! The words with a meaning of their own.
//!
//! Every interner holds them from the start and in this order, so that a word's symbol tells what it
//! is: first the reserved words, then the words that are keywords only where their construct follows,
//! then the upper-case spelling of all of them.

use super::ast::Symbol;

macro_rules! words {
    ($($name:ident $text:literal)*) => {
        /// The lower-case words, reserved ones first.
        pub(super) const WORDS: &[&str] = &[$($text),*];
        $(pub(super) const $name: Symbol = find($text);)*
    };
}

const fn find(text: &str) -> Symbol {
    let mut index = 0;
    while index < WORDS.len() {
        if same(WORDS[index].as_bytes(), text.as_bytes()) {
            return Symbol(index as u32);
        }
        index += 1;
    }
    panic!("the word is in the table")
}

const fn same(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let mut index = 0;
    while index < a.len() {
        if a[index] != b[index] {
            return false;
        }
        index += 1;
    }
    true
}

words! {
    LET "let" CONST "const" IF "if" ELIF "elif" ELSE "else" WHILE "while" FOR "for" RETURN "return"
    BREAK "break" CONTINUE "continue" THROW "throw" TRY "try" CATCH "catch" FINALLY "finally"
    TRUE "true" FALSE "false" NULL "null" AND "and" OR "or" NOT "not" IN "in" THIS "this" SELF "self"
    AWAIT "await" PRINT "print"
    ACTION "action" FUNCTION "function" LAMBDA "lambda" ASYNC "async" CONTRACT "contract"
    ENTITY "entity" DATA "data" ENUM "enum" PROTOCOL "protocol" INTERFACE "interface" MODULE "module"
    TYPE_ALIAS "type_alias" USE "use" EXPORT "export" EMIT "emit" EVENT "event" VERIFY "verify"
    DEBUG "debug" GC "gc" DEFER "defer" PATTERN "pattern" MATCH "match" SPAWN "spawn" STATE "state"
    STORAGE "storage" PERSISTENT "persistent" LEDGER "ledger" MODIFIER "modifier" LIMIT "limit"
    EXTENDS "extends" IMPLEMENTS "implements" CONSTRUCTOR "constructor" METHOD "method"
    PRIVATE "private" PUBLIC "public" VIEW "view" PURE "pure" PAYABLE "payable" INLINE "inline"
    NATIVE "native" SEALED "sealed" SECURE "secure" EXTERNAL "external" SUPER "super" EACH "each"
    THEN "then" FROM "from" AS "as" CASE "case" DEFAULT "default" UNDERSCORE "_"
}

/// How many of [`WORDS`] are reserved: a name may not be one of them.
pub(super) const RESERVED: u32 = PRINT.0 + 1;

/// The lower-case word of which `symbol` is the upper-case spelling.
pub(super) fn lower(symbol: Symbol) -> Option<Symbol> {
    let count = WORDS.len() as u32;
    (count..2 * count).contains(&symbol.0).then(|| Symbol(symbol.0 - count))
}

/// Why a keyword of the wider language is outside this runtime.
pub(super) fn outside(word: &str) -> Option<&'static str> {
    Some(match word {
        "screen" | "component" | "theme" | "style" | "layout" | "canvas" | "animation" | "color" | "render"
        | "graphics" | "clock" => "user interfaces are",
        "middleware" | "route" | "server" | "http" | "endpoint" | "websocket" => "HTTP is",
        "database" | "query" | "table" | "orm" | "migration" => "databases are",
        "inject" | "provide" | "dependency" => "dependency injection is",
        "package" | "install" | "require_package" => "packages are",
        "watch" | "signal" | "reactive" => "reactive programming is",
        "actor" | "channel" | "stream" | "concurrent" => "concurrency is",
        "capability" | "grant" | "revoke" | "protect" | "sandbox" | "audit" | "policy" | "restrict" | "trail"
        | "throttle" | "validate" | "sanitize" | "auth" | "cache" => "security policies are",
        _ => return None,
    })
}

/// What a word of other languages is called here, as advice; asked only where the word explains nothing.
pub(crate) fn foreign(word: &str) -> Option<&'static str> {
    Some(match word {
        "var" | "val" | "auto" | "mut" | "int" | "string" | "str" | "bool" | "float" | "uint" | "uint256"
        | "double" | "local" => "a variable is declared with `let`, a constant with `const`",
        "def" | "fn" | "func" | "fun" | "sub" | "proc" => "an action is declared with `action`",
        "class" | "struct" | "record" => "use `entity`, or `contract` for what keeps state",
        "elseif" | "elsif" | "elsef" => "write `elif`, or `else if`",
        "foreach" => "write `for each x in xs`",
        "unless" => "write `if !(...)`",
        "until" => "write `while !(...)`",
        "loop" | "forever" | "repeat" => "write `while true`",
        "do" => "write `while` with its test before the block",
        "switch" | "select" => "write `match`, or `if` with `elif`",
        "import" | "include" | "require" | "using" => "write `use \"path\"`, or `use { name } from \"path\"`",
        "raise" | "panic" => "an error is thrown with `throw`",
        "except" | "rescue" => "write `catch`",
        "ensure" => "write `finally`",
        "echo" | "println" | "puts" | "printf" => "write `print(...)`",
        "new" => "an instance is made by a call, without `new`",
        "interface" | "trait" => "use `protocol`",
        "pass" => "an empty block is written `{ }`",
        _ => return None,
    })
}
