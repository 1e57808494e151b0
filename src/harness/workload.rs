//! Finding and reading a workload.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::engine::{Cache, ConfigValue, FileLoader, Program};

use super::chain::hex;
use super::outcome::Stop;
use super::suggest::{did_you_mean, nearest};

/// The folder that `zx-bench list` shows and bare names are looked up in.
pub const FOLDER: &str = "workloads";

/// The action whose calls are transactions, unless `config.bench_transaction` names another.
pub const DEFAULT_TRANSACTION: &str = "transfer";

/// The two forms of a workload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// The whole program is run in passes; each call of one action is a transaction.
    Script,
    /// The program defines `action transaction(tx)`, driven block by block.
    Block,
}

impl Form {
    /// `script` or `block`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Script => "script",
            Self::Block => "block",
        }
    }
}

/// A workload that was read, compiled and has what its form needs.
#[derive(Clone)]
pub struct Workload {
    /// Where it was read from.
    pub path: PathBuf,
    /// File name without `.zx`.
    pub name: String,
    /// The compiled program.
    pub program: Arc<Program>,
    /// Its form.
    pub form: Form,
    /// The action that is a transaction.
    pub transaction: String,
    /// Digest of its text and of all that it imports, hexadecimal.
    pub digest: String,
    /// Its first comment line.
    pub summary: String,
    /// It is for other engines alone: `program` is empty, and `path` whatever they make of it.
    pub is_foreign: bool,
}

impl std::fmt::Debug for Workload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Workload").field("path", &self.path).field("form", &self.form).finish_non_exhaustive()
    }
}

/// Reads a workload by path, or by its bare name in `workloads/`.
pub fn load(named: &Path) -> Result<Workload, Stop> {
    load_through(named, None)
}

/// The same, with the program from the cache if it is there.
pub fn load_through(named: &Path, cache: Option<&Cache>) -> Result<Workload, Stop> {
    let path = find(named)?;
    let source = read_text(&path)?;
    let (name, loader) = (path.to_string_lossy(), FileLoader::new(Some(&path), &[]));
    let loaded = cache.and_then(|cache| cache.load(&source, &name, &loader));
    let compiled = || {
        Program::compile_with(&source, &name, &loader).map_err(|errors| {
            let count =
                if errors.count == 1 { "a syntax error".into() } else { format!("{} syntax errors", errors.count) };
            Stop::usage(format!("{}: {count}\n{}", path.display(), errors.rendered.trim_end()))
        })
    };
    let program = loaded.map_or_else(compiled, Ok)?;
    let form = if program.has_action("transaction") { Form::Block } else { Form::Script };
    let transaction = match form {
        Form::Block => block_transaction(&path, &program)?,
        Form::Script => script_transaction(&path, &program)?,
    };
    Ok(Workload {
        name: path.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned()),
        digest: hex(&program.source_digest()),
        summary: first_comment(&source),
        path,
        program,
        form,
        transaction,
        is_foreign: false,
    })
}

/// A workload for other engines alone: a file of any kind, or a name that means something to them.
pub fn load_foreign(named: &Path) -> Result<Workload, Stop> {
    let path = find(named).unwrap_or_else(|_| named.to_owned());
    let bytes = if path.is_file() {
        std::fs::read(&path).map_err(|e| Stop::usage(format!("cannot read {}: {e}", path.display())))?
    } else {
        path.to_string_lossy().into_owned().into_bytes()
    };
    let name = path.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
    let program = Program::compile("", &path.to_string_lossy()).map_err(|errors| Stop::failed(errors.rendered))?;
    Ok(Workload {
        name,
        program,
        form: Form::Script,
        transaction: String::new(),
        digest: blake3::hash(&bytes).to_hex().to_string(),
        summary: String::new(),
        path,
        is_foreign: true,
    })
}

/// Whether a workload is there, by path or by its bare name.
pub fn exists(named: &Path) -> bool {
    find(named).is_ok()
}

fn find(named: &Path) -> Result<PathBuf, Stop> {
    if named.exists() {
        return Ok(named.to_owned());
    }
    let text = named.to_string_lossy();
    let is_bare = named.components().count() == 1;
    if is_bare {
        let bare = Path::new(FOLDER).join(named).with_extension("zx");
        if bare.exists() {
            return Ok(bare);
        }
    }
    let known = names_in(Path::new(FOLDER));
    let stem = named.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
    let hint = match nearest(&stem, known.iter().map(String::as_str)) {
        Some(near) => format!(" (did you mean `{FOLDER}/{near}.zx`?)"),
        None if known.is_empty() => String::new(),
        None => "; `zx-bench list` shows those that exist".to_owned(),
    };
    Err(Stop::usage(format!("no workload `{text}`: there is no such file{hint}")))
}

/// Names of the workloads in a folder, sorted; empty if there is no such folder.
pub fn names_in(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "zx"))
        .filter_map(|path| path.file_stem().map(|stem| stem.to_string_lossy().into_owned()))
        .collect();
    names.sort();
    names
}

fn read_text(path: &Path) -> Result<String, Stop> {
    let shown = path.display();
    if path.is_dir() {
        return Err(Stop::usage(format!("{shown} is a directory: name a .zx file in it")));
    }
    let bytes = std::fs::read(path).map_err(|e| Stop::usage(format!("cannot read {shown}: {e}")))?;
    let text = String::from_utf8(bytes).map_err(|e| {
        let at = e.utf8_error().valid_up_to();
        let line = e.as_bytes()[..at].split(|&byte| byte == b'\n').count();
        Stop::usage(format!("{shown} is not UTF-8 text (first bad byte: {at}, in line {line}): is it a Zexus program?"))
    })?;
    if text.contains('\0') {
        return Err(Stop::usage(format!("{shown} holds zero bytes: it is a binary file, not a Zexus program")));
    }
    if text.trim().is_empty() {
        return Err(Stop::usage(format!("{shown} is empty: there is nothing to measure")));
    }
    Ok(text)
}

fn block_transaction(path: &Path, program: &Program) -> Result<String, Stop> {
    if program.has_action("generate") {
        return Ok("transaction".into());
    }
    Err(Stop::usage(format!(
        "{} defines `action transaction(tx)` but no `action generate(rng)` to make its transactions",
        path.display()
    )))
}

fn script_transaction(path: &Path, program: &Program) -> Result<String, Stop> {
    let shown = path.display();
    let (name, is_set) = match program.config("bench_transaction") {
        None => (DEFAULT_TRANSACTION.to_owned(), false),
        Some(ConfigValue::Str(name)) => (name, true),
        Some(_) => {
            return Err(Stop::usage(format!(
                "{shown}: `config.bench_transaction` must be a string, the name of an action"
            )));
        }
    };
    if program.has_action(&name) {
        return Ok(name);
    }
    let said = if is_set {
        "`config.bench_transaction` names it"
    } else {
        "the default, as `config.bench_transaction` is not set"
    };
    let actions = program.action_names();
    let advice = if actions.is_empty() {
        "; the file has no action at its top level: move what a transaction does into one".to_owned()
    } else {
        let hint = did_you_mean(&name, actions.iter().map(String::as_str));
        format!("{hint}; its actions are {}: write `config.bench_transaction = \"{}\"`", actions.join(", "), actions[0])
    };
    Err(Stop::usage(format!("{shown} has no action `{name}` to count as a transaction ({said}){advice}")))
}

fn first_comment(source: &str) -> String {
    let comment = |line: &str| {
        let text = line.trim().strip_prefix("//").or_else(|| line.trim().strip_prefix('#'))?;
        let text = text.trim_start_matches(['/', '!', '#']).trim();
        (!text.is_empty() && !line.starts_with("#!")).then(|| text.to_owned())
    };
    source.lines().find_map(comment).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::outcome::Exit;

    fn refused(bytes: &[u8]) -> String {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("w.zx");
        std::fs::write(&path, bytes).expect("written");
        let stop = load(&path).expect_err("refused");
        assert_eq!(stop.exit, Exit::Usage);
        stop.message
    }

    #[test]
    fn bad_files_are_refused_clearly() {
        assert!(refused(b"").contains("is empty"));
        assert!(refused(b" \n\t\n").contains("is empty"));
        assert!(refused(b"let x = 1\n\xff\xfe").contains("not UTF-8 text (first bad byte: 10, in line 2)"));
        assert!(refused(b"a\0b").contains("binary"));
        let folder = tempfile::tempdir().expect("a folder");
        assert!(load(folder.path()).expect_err("refused").message.contains("is a directory"));
        assert!(load(Path::new("/no/such.zx")).expect_err("refused").message.contains("no workload `/no/such.zx`"));
    }

    #[test]
    fn a_missing_transaction_action_is_named_with_advice() {
        let said = refused(b"action tranfser(a) { }\ntranfser(1)\n");
        assert!(said.contains("no action `transfer`") && said.contains("did you mean `tranfser`?"), "{said}");
        assert!(refused(b"print(1)\n").contains("no action at its top level"));
        assert!(refused(b"action transaction(tx) { }\n").contains("generate"));
        assert!(refused(b"config.bench_transaction = 3\n").contains("must be a string"));
    }

    #[test]
    fn a_changed_import_changes_the_digest() {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).expect("written");
        write("w.zx", "use { transfer } from \"./bank\"\ntransfer(1)\n");
        write("bank.zx", "use \"./fees\" as fees\nexport action transfer(a) { return a + fees.fee }\n");
        write("fees.zx", "let fee = 1\n");
        let load = || super::load(&folder.path().join("w.zx")).expect("loaded");
        let first = load();
        assert_eq!((first.transaction.as_str(), load().digest), ("transfer", first.digest.clone()));
        let names: Vec<_> = first.program.imported().iter().map(|file| file.name.clone()).collect();
        assert!(names[0].ends_with("bank.zx") && names[1].ends_with("fees.zx") && names.len() == 2, "{names:?}");
        write("fees.zx", "let fee = 2\n");
        assert_ne!(load().digest, first.digest);
    }

    #[test]
    fn the_first_comment_describes_the_workload() {
        assert_eq!(first_comment("#!/usr/bin/env zx-run\n\n// Moves money\n// more"), "Moves money");
        assert_eq!(first_comment("let x = 1"), "");
    }
}
