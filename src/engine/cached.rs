//! Programs from the cache and into it. A program that is loaded has tables and code, and no tree: it runs in the VM
//! from its first instruction. What it prints, costs and fails with is the same.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use super::api::{Digest, OuterAction};
use super::origin::{AsFound, Origin, Texts, find_again};
use super::program::{Program, WORK};
use super::sources::ModuleLoader;
use crate::bytecode::{Code, Instr, Op, compile};
use crate::cache::{Contents, Directory, Identity, Kind, StoredProgram, encode_program};
use crate::eval::Evaluator;
use crate::resolve::Tree;
use crate::resolve::hir::Completion;
use crate::runtime::TierProfile;
use crate::runtime::info::{ActionId, ProgramInfo, SourceText, Symbol};
use crate::vm::{StoredCodes, Vm};

/// Options that change code: bit 0, leaf actions are compiled into their callers.
const OPTIONS: u32 = 1;
/// A program that is parsed in less time is not worth a file.
const WORTH_NS: u64 = 1_000_000;

/// The cache of compiled programs, where it can be used. Nothing that goes wrong with it is an error.
#[derive(Debug)]
pub struct Cache {
    directory: Directory,
    always: bool,
}

impl Cache {
    /// As the environment asks, but where it is off too: for emptying it and looking at it.
    pub fn in_environment() -> Option<Self> {
        let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let standard = || set("XDG_CACHE_HOME").filter(|folder| folder.is_absolute());
        let home = || set("HOME").map(|home| home.join(".cache"));
        let base = set("ZX_CACHE_DIR").or_else(standard).or_else(home)?;
        Self::at(&base, std::env::var_os("ZX_CACHE").is_some_and(|mode| mode == "always"))
    }

    /// As the environment asks: `ZX_CACHE` may be `always` or `off`, `ZX_CACHE_DIR` names the folder, otherwise it is
    /// the user's folder for caches (`XDG_CACHE_HOME`, or `.cache` at home). None if it is off or cannot be used.
    pub fn from_environment() -> Option<Self> {
        if std::env::var_os("ZX_CACHE").is_some_and(|mode| mode == "off") { None } else { Self::in_environment() }
    }

    /// In a folder below `base`; `always`: also for programs that are parsed in no time.
    pub fn at(base: &Path, always: bool) -> Option<Self> {
        Some(Self { directory: Directory::open(base)?, always })
    }

    /// The program, without parsing anything, if it has been stored and nothing has changed since.
    pub fn load(&self, source: &str, name: &str, loader: &dyn ModuleLoader) -> Option<Arc<Program>> {
        let started = Instant::now();
        let main: Digest = blake3::hash(source.as_bytes()).into();
        let (bytes, start) = self.directory.load(&Identity::new(Kind::Program, main, OPTIONS))?;
        Program::from_stored(bytes, start, (source, name, main), loader, started)
    }

    /// Stores a program for later runs, if it is worth it. Compiles what is not compiled yet, so this is for the time
    /// after the output. Gives whether it is stored now.
    pub fn store(&self, program: &Program) -> bool {
        let is_worth_it = self.always || program.parse_ns() >= WORTH_NS;
        is_worth_it
            && program.to_stored().is_some_and(|content| {
                let identity = Identity::new(Kind::Program, program.main_digest(), OPTIONS);
                self.directory.store(&identity, &content)
            })
    }

    /// What the tier policy learnt in an earlier run of the program, if that was kept: a hint, which changes no result.
    pub fn profile(&self, program: &Program) -> Option<TierProfile> {
        let (bytes, start) = self.directory.load(&profile_identity(program))?;
        let (profile, rest) = postcard::take_from_bytes::<TierProfile>(bytes.get(start..)?).ok()?;
        rest.is_empty().then_some(profile)
    }

    /// Keeps what the tier policy learnt, if it learnt anything. Gives whether it is there now.
    pub fn store_profile(&self, program: &Program, profile: &TierProfile) -> bool {
        let content = postcard::to_stdvec(profile).ok().filter(|_| !profile.sites.is_empty());
        content.is_some_and(|content| self.directory.store(&profile_identity(program), &content))
    }

    /// Where it is.
    pub fn folder(&self) -> &Path {
        self.directory.folder()
    }

    /// How much is in it.
    pub fn contents(&self) -> Contents {
        self.directory.contents()
    }

    /// Empties it; gives how many files there were.
    pub fn clear(&self) -> u64 {
        self.directory.clear()
    }
}

/// Of the profile beside a program: its sites are those of all its files.
fn profile_identity(program: &Program) -> Identity {
    Identity::new(Kind::Profile, program.source_digest(), OPTIONS)
}

/// The code of a program that was loaded.
#[derive(Debug)]
struct Codes {
    stored: StoredProgram,
    info: Arc<ProgramInfo>,
    origin: Origin,
    texts: Texts,
    /// The program parsed after all, if a piece of stored code was no good.
    parsed: OnceLock<Option<Arc<Program>>>,
}

impl StoredCodes for Codes {
    fn code(&self, action: ActionId) -> Code {
        self.stored.code(action, &self.info).unwrap_or_else(|| match self.parsed() {
            Some(program) => compile(&program.tree, &program.info, action, true),
            None => damaged(action),
        })
    }
}

impl Codes {
    /// The same program from its texts: only if its tables are the stored ones, which run by now.
    fn parsed(&self) -> Option<&Arc<Program>> {
        let parse = || {
            let (_, main) = self.texts.map.starts().next()?;
            let loader = AsFound { origin: &self.origin, texts: &self.texts };
            let program = Program::compile_with(&main.text, &main.name, &loader).ok()?;
            self.stored.is_of(&program.info).then_some(program)
        };
        self.parsed.get_or_init(parse).as_ref()
    }
}

/// Code that fails: it goes on with an error that there is not.
fn damaged(action: ActionId) -> Code {
    let instrs = vec![
        Instr::new(Op::LoadNull, 1, 0, 0),
        Instr::wide(Op::LoadInt, 0, Completion::Throw as u32),
        Instr::new(Op::Rethrow, 0, 0, 0),
        Instr::new(Op::ReturnNull, 0, 0, 0),
    ];
    Code::of_instructions(action, instrs, 2)
}

impl Program {
    /// What the cache keeps of it; none if it cannot be kept: it was loaded itself, made for a profile, or assigns
    /// `config.jit_enabled`.
    #[doc(hidden)]
    pub fn to_stored(&self) -> Option<Vec<u8>> {
        if self.is_loaded() || self.vm.keeps_calls() || self.vm.all_codes().any(|code| self.assigns_enabled(code)) {
            return None;
        }
        let mut content = postcard::to_stdvec(&self.origin).ok()?;
        content = postcard::to_extend(self.outer_actions(), content).ok()?;
        content.extend(encode_program(&self.info, self.vm.all_codes())?);
        Some(content)
    }

    fn assigns_enabled(&self, code: &Code) -> bool {
        let mut assigned = code.instrs.iter().filter(|instr| instr.op == Op::StoreConfig);
        assigned.any(|instr| self.info.name(Symbol(instr.number())) == "jit_enabled")
    }

    /// A program from what [`Program::to_stored`] gave; none if that is no good, or a file has changed.
    #[doc(hidden)]
    pub fn of_stored(content: Vec<u8>, source: &str, name: &str, loader: &dyn ModuleLoader) -> Option<Arc<Self>> {
        let main = blake3::hash(source.as_bytes()).into();
        Self::from_stored(content, 0, (source, name, main), loader, Instant::now())
    }

    fn from_stored(
        bytes: Vec<u8>,
        start: usize,
        (source, name, main): (&str, &str, Digest),
        loader: &dyn ModuleLoader,
        started: Instant,
    ) -> Option<Arc<Self>> {
        let (origin, rest) = postcard::take_from_bytes::<Origin>(bytes.get(start..)?).ok()?;
        let (outer_actions, rest) = postcard::take_from_bytes::<Vec<OuterAction>>(rest).ok()?;
        let start = bytes.len() - rest.len();
        let texts = find_again(&origin, (source, name, main), WORK, loader)?;
        let files = texts.map.starts().map(|(start, file)| SourceText { start, name: file.name.clone() }).collect();
        let (stored, info) = StoredProgram::decode(bytes, start, files, texts.text.clone())?;
        let info = Arc::new(info);
        let (sources, imported, source_digest) = (texts.map.clone(), texts.imported.clone(), texts.digest);
        let codes = Codes { stored, info: info.clone(), origin: origin.clone(), texts, parsed: OnceLock::new() };
        let tree = Arc::new(Tree { actions: Vec::new() });
        let vm = Arc::new(Vm::stored(Arc::new(codes), info.clone()));
        Some(Arc::new(Self {
            evaluator: Arc::new(Evaluator::new(tree.clone())),
            native: Self::join_native(&vm, &info),
            vm,
            info,
            sources,
            tree,
            outer_actions,
            parse_ns: 0,
            resolve_ns: 0,
            load_ns: Some(started.elapsed().as_nanos() as u64),
            source_digest,
            imported,
            origin,
        }))
    }
}
