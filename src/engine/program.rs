//! A compiled program: immutable, shared by all isolates of a process.

use std::fmt::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use super::api::{ConfigValue, Digest, OuterAction, Problem, Region};
use super::convert;
use super::origin::Origin;
use super::sources::{self, ImportedFile, ModuleLoader, NoModules};
use crate::bytecode::PlantedBug;
use crate::eval::Evaluator;
use crate::native::{DroppedCosts, ForcedGuards, Native, NativeBug, NativeCounts, UnitReport, UnitText};
use crate::resolve::{Tree, resolve};
use crate::runtime::info::{ActionId, ActionInfo, ProgramInfo, SourceText};
use crate::runtime::{Site, Tier};
use crate::syntax::ast::{Span, Stmt, StmtKind};
use crate::syntax::{Diagnostic, Interner, SourceMap, diagnostic};
use crate::vm::{CountingVm, Tally, Vm};

/// All syntax errors of a file.
#[derive(Clone, Debug)]
pub struct SyntaxErrors {
    /// As a user sees them.
    pub rendered: String,
    /// How many.
    pub count: usize,
    /// Each by itself, for tools; in the order of their places.
    pub problems: Vec<Problem>,
}

/// A program ready to run: the resolved tree, the bytecode made so far, constants and names.
#[derive(Debug)]
pub struct Program {
    pub(super) info: Arc<ProgramInfo>,
    pub(super) evaluator: Arc<Evaluator>,
    pub(super) vm: Arc<Vm>,
    /// Native code; none on targets without it.
    pub(super) native: Option<Arc<Native>>,
    pub(super) sources: SourceMap,
    pub(super) tree: Arc<Tree>,
    pub(super) outer_actions: Vec<OuterAction>,
    pub(super) parse_ns: u64,
    pub(super) resolve_ns: u64,
    /// Time spent loading it, if it comes from the cache. It has no tree then.
    pub(super) load_ns: Option<u64>,
    pub(super) source_digest: Digest,
    pub(super) imported: Vec<ImportedFile>,
    pub(super) origin: Origin,
}

/// What `--param work=N` runs before each transaction of a block workload; added behind the workload's own text.
pub(super) const WORK: &str = "
action __work(steps, x) {
    let i = 0
    while i < steps {
        x = (x * 31 + 7) % 1000003
        i = i + 1
    }
    return x
}
";

impl Program {
    /// Parses and resolves a program that has no files: what it imports is not found.
    pub fn compile(source: &str, file_name: &str) -> Result<Arc<Self>, SyntaxErrors> {
        Self::compile_with(source, file_name, &NoModules)
    }

    /// Parses and resolves a program and the modules that it imports.
    pub fn compile_with(source: &str, file_name: &str, loader: &dyn ModuleLoader) -> Result<Arc<Self>, SyntaxErrors> {
        Self::compile_as(source, file_name, loader, false)
    }

    /// The same for [`super::Isolate::start_profile`]: with marks before each statement. It means the same, and
    /// runs slower.
    pub fn compile_for_profile(
        source: &str,
        file_name: &str,
        loader: &dyn ModuleLoader,
    ) -> Result<Arc<Self>, SyntaxErrors> {
        Self::compile_as(source, file_name, loader, true)
    }

    fn compile_as(
        source: &str,
        file_name: &str,
        loader: &dyn ModuleLoader,
        marked: bool,
    ) -> Result<Arc<Self>, SyntaxErrors> {
        let started = Instant::now();
        let mut interner = Interner::new();
        let read = sources::read(source, file_name, loader, &mut interner, |program, interner| {
            sources::declares_action(program, interner, "transaction").then_some(WORK)
        });
        let outer_actions = outer_actions(read.main(), &interner);
        let parse_ns = started.elapsed().as_nanos() as u64;
        let started = Instant::now();
        let files: Vec<_> = read.files.iter().map(sources::Parsed::tree).collect();
        let texts = read.map.starts().map(|(start, file)| SourceText { start, name: file.name.clone() }).collect();
        let (mut tree, mut info) = match resolve(&files, &read.order, &interner, texts, &read.text) {
            Ok(resolved) if read.diagnostics.is_empty() => resolved,
            // What did not parse is left out of the tree, so the mistakes of the rest are told as well.
            other => {
                let mut diagnostics = read.diagnostics;
                diagnostics.extend(other.err().unwrap_or_default());
                diagnostics.sort_by_key(|diagnostic| diagnostic.span.start);
                return Err(errors(&read.map, &diagnostics));
            }
        };
        if marked {
            info.marks = crate::resolve::marks::insert(&mut tree, &read.map);
        }
        let resolve_ns = started.elapsed().as_nanos() as u64;
        let program = Self::assemble(tree, info, read.map);
        let (source_digest, imported, origin) = (read.digest, read.imported, read.origin);
        Ok(Arc::new(Self { outer_actions, parse_ns, resolve_ns, source_digest, imported, origin, ..program }))
    }

    /// A program of what the resolver made, and nothing known of where it came from.
    pub(super) fn assemble(tree: Tree, info: ProgramInfo, sources: SourceMap) -> Self {
        let (tree, info) = (Arc::new(tree), Arc::new(info));
        let vm = Arc::new(Vm::new(tree.clone(), info.clone()));
        Self {
            evaluator: Arc::new(Evaluator::new(tree.clone())),
            native: Self::join_native(&vm, &info),
            vm,
            sources,
            tree,
            outer_actions: Vec::new(),
            parse_ns: 0,
            resolve_ns: 0,
            source_digest: [0; 32],
            imported: Vec::new(),
            load_ns: None,
            origin: Origin::default(),
            info,
        }
    }

    /// The tier above the VM, if this target has one.
    pub(super) fn join_native(vm: &Vm, info: &Arc<ProgramInfo>) -> Option<Arc<Native>> {
        let native = Arc::new(Native::new(info.clone())?);
        vm.join(native.clone());
        Some(native)
    }

    /// Code that is compiled from now on keeps every call a call, so that calls can be counted and timed one by one.
    pub fn keep_calls(&self) {
        self.vm.keep_calls();
    }

    /// Time spent parsing, nanoseconds.
    pub fn parse_ns(&self) -> u64 {
        self.parse_ns
    }

    /// Time spent resolving names and cutting gas blocks, nanoseconds.
    pub fn resolve_ns(&self) -> u64 {
        self.resolve_ns
    }

    /// Time spent loading it from the cache, nanoseconds; none if it was parsed.
    pub fn load_ns(&self) -> Option<u64> {
        self.load_ns
    }

    /// Whether it comes from the cache: it has no tree, and only the VM can run it.
    pub fn is_loaded(&self) -> bool {
        self.load_ns.is_some()
    }

    /// BLAKE3 of the main script.
    pub(super) fn main_digest(&self) -> Digest {
        self.sources.starts().next().map_or([0; 32], |(_, main)| blake3::hash(main.text.as_bytes()).into())
    }

    /// BLAKE3 of the source; of a program with imports, of all its files.
    pub fn source_digest(&self) -> Digest {
        self.source_digest
    }

    /// The files that the program imports, in the order in which they were read.
    pub fn imported(&self) -> &[ImportedFile] {
        &self.imported
    }

    /// Whether the program has a global action of that name.
    pub fn has_action(&self, name: &str) -> bool {
        self.action(name).is_some()
    }

    /// The names of its global actions.
    pub fn action_names(&self) -> Vec<String> {
        let actions = self.info.actions.iter().skip(1).filter(|action| self.is_own(action));
        let names = actions.filter_map(|action| action.name);
        names.map(|name| self.info.name(name).to_owned()).filter(|name| !name.starts_with("__")).collect()
    }

    /// The actions of the file's outermost block, in order.
    pub fn outer_actions(&self) -> &[OuterAction] {
        &self.outer_actions
    }

    /// A literal that the top level assigns to `config.key`.
    pub fn config(&self, key: &str) -> Option<ConfigValue> {
        let value = self.info.config.iter().rev().find(|(name, _)| name == key).map(|(_, value)| *value)?;
        convert::config_value(value)
    }

    /// The keys that the top level assigns literals to, in order.
    pub fn config_keys(&self) -> Vec<String> {
        self.info.config.iter().map(|(name, _)| name.clone()).collect()
    }

    /// Puts a bug into the bytecode made from now on, to show that a comparison of the tiers finds it. For tests.
    #[doc(hidden)]
    pub fn plant_bug(&self, bug: PlantedBug) {
        self.vm.plant_bug(bug);
    }

    /// The same for native code.
    #[doc(hidden)]
    pub fn plant_native_bug(&self, bug: NativeBug) {
        if let Some(native) = &self.native {
            native.plant_bug(bug);
        }
    }

    /// Has guards of native code fail, to show that leaving it anywhere changes nothing. For tests.
    #[doc(hidden)]
    pub fn force_native_guards(&self, forced: ForcedGuards) {
        if let Some(native) = &self.native {
            native.force_guards(forced);
        }
    }

    /// Has native code made without some of what it costs: for a ledger of costs. The program is good for nothing else.
    #[doc(hidden)]
    pub fn drop_native_costs(&self, costs: DroppedCosts) {
        if let Some(native) = &self.native {
            native.drop_costs(costs);
        }
    }

    /// Has native code made on a thread of its own from now on, while the program goes on in the VM. What is computed is
    /// the same.
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn compile_in_background(&self) -> std::io::Result<()> {
        self.native.as_ref().map_or(Ok(()), |native| native.make_in_background())
    }

    /// Bounds the native code that there is at one time; 16 MiB if nothing is said. What was not used for long makes room.
    pub fn limit_native_code(&self, bytes: u64) {
        if let Some(native) = &self.native {
            native.limit_code(bytes);
        }
    }

    /// What native code has been made and left so far; none on a target without it.
    pub fn native_counts(&self) -> Option<NativeCounts> {
        self.native.as_ref().map(|native| native.counts())
    }

    /// Has native code made from now on keep its texts, for [`Program::native_texts`].
    pub fn keep_native_texts(&self) {
        if let Some(native) = &self.native {
            native.keep_texts();
        }
    }

    /// Of each piece of native code: its loop or action as `loop main.zx:8:1`, what Cranelift was given, and the
    /// machine code that came of it.
    pub fn native_texts(&self) -> Vec<(String, String, String)> {
        let text = |unit: UnitText| {
            let (kind, site) = self.kind_and_place(unit.site);
            (format!("{kind} {site}"), unit.clif, unit.assembly)
        };
        self.native.iter().flat_map(|native| native.texts()).map(text).collect()
    }

    /// Writes what was compiled into a folder, which is made: `bytecode.txt`, and of each piece of native code the text
    /// that Cranelift was given (`.clif`) and the machine code (`.asm`), if [`Program::keep_native_texts`] was called
    /// before it was made.
    pub fn write_texts(&self, folder: &Path) -> std::io::Result<()> {
        std::fs::create_dir_all(folder)?;
        std::fs::write(folder.join("bytecode.txt"), self.dump_bytecode())?;
        for (site, clif, assembly) in self.native_texts() {
            let name = file_name(&site);
            std::fs::write(folder.join(format!("{name}.clif")), clif)?;
            std::fs::write(folder.join(format!("{name}.asm")), assembly)?;
        }
        Ok(())
    }

    fn kind_and_place(&self, site: Site) -> (&'static str, String) {
        let (kind, place) = match site {
            Site::Loop(id) => ("loop", self.info.loops[id.0 as usize].place),
            Site::Action(action) => ("action", self.info.action(action).place),
        };
        (kind, self.sources.site(place.start))
    }

    /// What became of each loop and action that was to be native code: a line each, and a line for each instruction
    /// that is the VM's.
    pub fn native_report(&self) -> Vec<String> {
        self.native.iter().flat_map(|native| native.reports()).flat_map(|unit| self.describe_unit(&unit)).collect()
    }

    fn describe_unit(&self, unit: &UnitReport) -> Vec<String> {
        let (kind, site) = self.kind_and_place(unit.site);
        if let Some(reason) = &unit.refused {
            return vec![format!("{kind} {site}: stays in the VM: {reason}")];
        }
        let plural = |count: u64| if count == 1 { "" } else { "s" };
        let mut line = format!(
            "{kind} {site}: native code of {} instructions, {} of them by the VM: {} bytes in {:.3} ms; made {} time{}, \
             {} guard{} failed",
            unit.instructions,
            unit.stepped.len(),
            unit.code_bytes,
            unit.compile_ns as f64 / 1e6,
            unit.rounds,
            plural(u64::from(unit.rounds)),
            unit.exits,
            plural(unit.exits),
        );
        let counts = [
            (unit.spliced, "contract calls are part of it"),
            (unit.declined, "contract calls are not, as guards in them failed"),
            (unit.direct as usize, "calls straight to native code"),
            (unit.frameless as usize, "of these without frames"),
            (unit.helped as usize, "calls by the VM's way"),
            (unit.finds, "map entries looked up before the loop"),
            (unit.generic, "places where nothing is guessed any more"),
        ];
        for (count, what) in counts.into_iter().filter(|(count, _)| *count > 0) {
            let _ = write!(line, "; {what}: {count}");
        }
        if unit.quiet {
            line.push_str("; gas is asked for once an iteration");
        }
        let by_machine = unit
            .stepped
            .iter()
            .map(|(op, place)| format!("    by the VM: {op:?} at {}", self.sources.site(place.start)));
        std::iter::once(line).chain(by_machine).collect()
    }

    /// The resolved tree as text.
    pub fn dump_tree(&self) -> String {
        crate::resolve::dump::dump(&self.tree, &self.info)
    }

    /// The bytecode of every action as text.
    pub fn dump_bytecode(&self) -> String {
        self.vm.disassemble_all()
    }

    /// An action of that name that is no contract's.
    pub(super) fn action(&self, name: &str) -> Option<ActionId> {
        let own = self
            .info
            .actions
            .iter()
            .position(|action| self.is_own(action) && action.name.is_some_and(|own| self.info.name(own) == name));
        let imported = || self.info.imported_actions.iter().find(|(symbol, _)| self.info.name(*symbol) == name);
        own.map(|found| ActionId(found as u32)).or_else(|| imported().map(|(_, action)| *action))
    }

    /// Whether the action stands in the main script and is no contract's.
    fn is_own(&self, action: &ActionInfo) -> bool {
        !action.is_contract_action && self.info.file_at(action.place.start) == 0
    }

    /// The tier above the evaluator.
    pub(super) fn upper(&self) -> Arc<dyn Tier> {
        self.vm.clone()
    }

    /// The same, counting into `tally`.
    pub(super) fn counting_upper(&self, tally: &Arc<Tally>) -> Arc<dyn Tier> {
        Arc::new(CountingVm::new(self.vm.clone(), tally.clone()))
    }
}

fn outer_actions(stmts: &[Stmt], interner: &Interner) -> Vec<OuterAction> {
    let action = |stmt: &Stmt| {
        let mut stmt = stmt;
        while let StmtKind::ExportDecl(inner) = &stmt.kind {
            stmt = inner;
        }
        let StmtKind::Action(action) = &stmt.kind else { return None };
        let name = interner.resolve(action.name?.symbol).to_owned();
        let required = action.params.iter().filter(|param| param.default.is_none()).count();
        Some(OuterAction { name, required })
    };
    stmts.iter().filter_map(action).collect()
}

pub(super) fn errors(sources: &SourceMap, diagnostics: &[Diagnostic]) -> SyntaxErrors {
    let rendered: Vec<String> =
        diagnostics.iter().map(|each| diagnostic::render(sources, "error", each, false)).collect();
    let problems = diagnostics.iter().map(|each| problem(sources, each)).collect();
    SyntaxErrors { rendered: rendered.join("\n"), count: diagnostics.len(), problems }
}

fn problem(sources: &SourceMap, diagnostic: &Diagnostic) -> Problem {
    let notes = diagnostic.notes.iter().map(|(span, text)| (region(sources, *span), text.clone())).collect();
    Problem {
        region: region(sources, diagnostic.span),
        message: diagnostic.message.clone(),
        suggestion: diagnostic.help.clone(),
        notes,
    }
}

fn region(sources: &SourceMap, span: Span) -> Region {
    let (file, span) = sources.local(span);
    let ((line, column), (end_line, end_column)) = (file.line_col(span.start), file.line_col(span.end.max(span.start)));
    Region { file: file.name.clone(), line, column, end_line, end_column }
}

/// `loop dir/main.zx:8:1` as the name of a file.
fn file_name(site: &str) -> String {
    let kept = |c: char| if c.is_alphanumeric() || matches!(c, '.' | '_') { c } else { '-' };
    site.chars().map(kept).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_site_becomes_one_name() {
        assert_eq!(file_name("loop dir/main.zx:8:1"), "loop-dir-main.zx-8-1");
        assert_eq!(file_name("action <command line>:1:1"), "action--command-line--1-1");
    }
}
