//! All files of a program: the main script and what it imports, directly or not, each read and parsed once.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::api::Digest;
use super::origin::{Origin, Use};
use crate::resolve::session::keep_result;
use crate::resolve::{FileTree, Import, imports};
use crate::syntax::ast::{Block, Span, Stmt, StmtKind};
use crate::syntax::{Diagnostic, Interner, SourceFile, SourceMap, parse_at};

/// Finds and reads the files that a program imports. The engine decides which; the host where they come from.
pub trait ModuleLoader {
    /// What identifies the main script: the importer of its own imports.
    fn main(&self) -> PathBuf;
    /// The file that `use "path"` in the file `importer` means; otherwise why there is none (empty: there is no such
    /// file).
    fn find(&self, importer: &Path, path: &str) -> Result<Found, String>;
    /// The text of a file that was found, or why it cannot be read.
    fn read(&self, file: &Path) -> Result<String, String>;
}

/// A file that can be imported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Identifies the file: two paths that lead to one file give the same.
    pub file: PathBuf,
    /// Its name in error texts.
    pub name: String,
}

/// The loader of a program that has no files: every import fails.
#[derive(Clone, Copy, Debug)]
pub struct NoModules;

impl ModuleLoader for NoModules {
    fn main(&self) -> PathBuf {
        PathBuf::new()
    }

    fn find(&self, _importer: &Path, _path: &str) -> Result<Found, String> {
        Err(String::new())
    }

    fn read(&self, _file: &Path) -> Result<String, String> {
        Err(String::new())
    }
}

/// One imported file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportedFile {
    /// Its name in error texts.
    pub name: String,
    /// BLAKE3 of its text.
    pub digest: Digest,
}

/// Everything that was read, parsed.
pub(super) struct Sources {
    /// All texts one after the other, the main script's first: spans are offsets in it.
    pub(super) text: String,
    pub(super) map: SourceMap,
    /// By file, the main script first.
    pub(super) files: Vec<Parsed>,
    /// The files in the order in which all that a file imports comes before it.
    pub(super) order: Vec<usize>,
    pub(super) diagnostics: Vec<Diagnostic>,
    pub(super) imported: Vec<ImportedFile>,
    /// BLAKE3 of the main script; if it has imports, of its digest and theirs.
    pub(super) digest: Digest,
    /// How they were found.
    pub(super) origin: Origin,
}

impl Sources {
    /// The statements of the main script.
    pub(super) fn main(&self) -> &[Stmt] {
        self.files.first().map_or(&[], |main| &main.program.stmts)
    }
}

/// One file.
#[derive(Debug)]
pub(super) struct Parsed {
    program: Block,
    module: String,
    imports: HashMap<u32, Import>,
}

impl Parsed {
    /// As the resolver takes it.
    pub(super) fn tree(&self) -> FileTree<'_> {
        FileTree { program: &self.program, module: &self.module, imports: &self.imports }
    }
}

/// What the inputs of a session have read so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Heard {
    text: String,
    map: SourceMap,
    /// How many files there are.
    files: usize,
    states: HashMap<PathBuf, State>,
}

/// How far a file is.
#[derive(Clone, Debug)]
enum State {
    /// Its imports are being read.
    Open(usize),
    Done(usize),
    Failed(String),
}

struct Reader<'a> {
    loader: &'a dyn ModuleLoader,
    interner: &'a mut Interner,
    sources: Sources,
    states: HashMap<PathBuf, State>,
    /// How many files earlier inputs of a session have read.
    first: usize,
    /// The files from the main script to the one being read: identity, name.
    path: Vec<(PathBuf, String)>,
}

/// Reads and parses the main script and all that it imports. `addition` is put behind the main script's text if its
/// tree asks for it.
pub(super) fn read(
    source: &str,
    name: &str,
    loader: &dyn ModuleLoader,
    interner: &mut Interner,
    addition: impl Fn(&Block, &Interner) -> Option<&'static str>,
) -> Sources {
    let mut text = source.to_owned();
    let mut added = false;
    let mut parsed = parse_at(&text, 0, interner);
    if let (true, Some(addition)) = (parsed.diagnostics.is_empty(), addition(&parsed.program, interner)) {
        text.push_str(addition);
        parsed = parse_at(&text, 0, interner);
        added = true;
    }
    let sources = Sources {
        text,
        map: SourceFile::new(name, source).into(),
        files: Vec::new(),
        order: Vec::new(),
        diagnostics: Vec::new(),
        imported: Vec::new(),
        digest: blake3::hash(source.as_bytes()).into(),
        origin: Origin { added, ..Origin::default() },
    };
    let mut reader = Reader { loader, interner, sources, states: HashMap::new(), first: 0, path: Vec::new() };
    reader.file(loader.main(), short_name(name), "__main__".to_owned(), parsed);
    let mut sources = reader.sources;
    sources.digest = whole_digest(sources.digest, &sources.imported);
    sources
}

/// The digest of a program: of its main script, or with imports of all digests.
pub(super) fn whole_digest(main: Digest, imported: &[ImportedFile]) -> Digest {
    if imported.is_empty() {
        return main;
    }
    let mut hasher = blake3::Hasher::new();
    hasher.update(&main);
    for file in imported {
        hasher.update(&file.digest);
    }
    hasher.finalize().into()
}

/// Parses one more input of a session and the modules that it is the first to import; gives them, and what has been
/// read then. The text and the map of places are those of the whole session.
pub(super) fn read_input(
    heard: &Heard,
    source: &str,
    name: &str,
    loader: &dyn ModuleLoader,
    interner: &mut Interner,
) -> (Sources, Heard) {
    let Heard { mut text, mut map, files, states } = heard.clone();
    if files > 0 {
        text.push('\n');
    }
    let start = text.len();
    text.push_str(source);
    map.push(start as u32, SourceFile::new(name, source));
    let mut parsed = parse_at(&text, start, interner);
    keep_result(&mut parsed.program);
    let sources = Sources {
        text,
        map,
        files: Vec::new(),
        order: Vec::new(),
        diagnostics: Vec::new(),
        imported: Vec::new(),
        digest: [0; 32],
        origin: Origin::default(),
    };
    let mut reader = Reader { loader, interner, sources, states, first: files, path: Vec::new() };
    reader.file(loader.main(), name.to_owned(), "__main__".to_owned(), parsed);
    let Reader { sources, states, .. } = reader;
    let files = files + sources.files.len();
    let heard = Heard { text: sources.text.clone(), map: sources.map.clone(), files, states };
    (sources, heard)
}

impl Reader<'_> {
    /// Takes a parsed file and reads what it imports, depth first.
    fn file(&mut self, identity: PathBuf, name: String, module: String, parsed: crate::syntax::Parsed) -> usize {
        let at = self.sources.files.len();
        let index = self.first + at;
        self.sources.diagnostics.extend(parsed.diagnostics);
        self.states.insert(identity.clone(), State::Open(index));
        self.path.push((identity.clone(), name));
        let wanted: Vec<(String, Span)> =
            imports(&parsed.program).into_iter().map(|found| (found.path.to_string(), found.path_span)).collect();
        self.sources.files.push(Parsed { program: parsed.program, module, imports: HashMap::new() });
        for (path, span) in wanted {
            let import = stacker::maybe_grow(256 * 1024, 2 << 20, || self.import((index, &identity), &path, span));
            self.sources.files[at].imports.insert(span.start, import);
        }
        self.path.pop();
        self.states.insert(identity, State::Done(index));
        self.sources.order.push(index);
        index
    }

    fn import(&mut self, (index, importer): (usize, &Path), path: &str, span: Span) -> Import {
        let at = self.sources.origin.uses.len();
        self.sources.origin.uses.push(Use::of(index, path));
        let found = self.found(importer, path, span);
        self.sources.origin.uses[at].found = found.clone().map(|file| file as u32);
        match found {
            Ok(file) => Import::File(file),
            Err(reason) => {
                let reason = if reason.is_empty() { String::new() } else { format!(" ({reason})") };
                Import::Missing(format!("Module not found or failed to load: {path}{reason}"))
            }
        }
    }

    /// The file, or why there is none.
    fn found(&mut self, importer: &Path, path: &str, span: Span) -> Result<usize, String> {
        let found = self.loader.find(importer, path)?;
        match self.states.get(&found.file).cloned() {
            Some(State::Done(file)) => Ok(file),
            Some(State::Open(file)) => {
                self.cycle(&found.file, span);
                Ok(file)
            }
            Some(State::Failed(reason)) => Err(reason),
            None => self.read(&found).inspect_err(|reason| {
                self.states.insert(found.file, State::Failed(reason.clone()));
            }),
        }
    }

    /// Reads a file for the first time.
    fn read(&mut self, found: &Found) -> Result<usize, String> {
        let source = self.loader.read(&found.file)?;
        let text = &mut self.sources.text;
        if text.len() + source.len() >= u32::MAX as usize {
            return Err("the program is too large: 4 GiB is the limit".to_owned());
        }
        // A file begins on a line of its own, and never where another one does.
        text.push('\n');
        let start = text.len();
        text.push_str(&source);
        let parsed = parse_at(text, start, self.interner);
        let digest = blake3::hash(source.as_bytes()).into();
        let module = module_name(&found.file);
        self.sources.imported.push(ImportedFile { name: found.name.clone(), digest });
        self.sources.origin.files.push((digest, module.clone()));
        self.sources.map.push(start as u32, SourceFile::new(found.name.clone(), source));
        Ok(self.file(found.file.clone(), short_name(&found.name), module, parsed))
    }

    /// Reports the import of a file that is waiting for this one.
    fn cycle(&mut self, file: &Path, span: Span) {
        let from = self.path.iter().position(|(identity, _)| identity == file).unwrap_or(0);
        let names = self.path[from..].iter().chain(&self.path[from..=from]).map(|(_, name)| name.as_str());
        let names: Vec<&str> = names.collect();
        let message = format!("modules import one another in a circle: {}", names.join(" -> "));
        let help = "move what both need into a module of its own";
        self.sources.diagnostics.push(Diagnostic::new(message, span).help(help));
    }
}

/// What `__MODULE__` is in a file.
pub(super) fn module_name(file: &Path) -> String {
    file.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned())
}

/// The last part of a file's name.
fn short_name(name: &str) -> String {
    Path::new(name).file_name().map_or_else(|| name.to_owned(), |last| last.to_string_lossy().into_owned())
}

/// Whether the tree has an action of that name in its outermost block.
pub(super) fn declares_action(program: &Block, interner: &Interner, name: &str) -> bool {
    program.stmts.iter().any(|stmt| {
        matches!(&stmt.kind, StmtKind::Action(action)
            if action.name.is_some_and(|own| interner.resolve(own.symbol) == name))
    })
}
